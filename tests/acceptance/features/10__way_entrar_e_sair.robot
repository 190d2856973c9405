Language: pt-BR

*** Configurações ***
Nome    WAY, entrar e sair
Documentação    WAY: entrar com o hash da senha, e a sessão que vale até sair, até outra entrada ou até uma mudança.
Recurso    ../steps/way.resource
Finalização de Teste    Desfazer o que foi feito
Finalização de Suíte    O administrador sai

*** Casos de Teste ***
Entrar
    DADO que minha empresa tem um administrador e um usuário
    QUANDO o "usuário" entra no WAY
    ENTÃO o WAY abre uma sessão para o "usuário"
    QUANDO o "administrador" entra no WAY
    ENTÃO o WAY abre uma sessão para o "administrador"

As letras maiúsculas e minúsculas não importam
    DADO que minha empresa tem um administrador e um usuário
    QUANDO o "usuário" entra no WAY escrevendo tudo com outras letras
    ENTÃO o WAY abre uma sessão para o "usuário"
    QUANDO o "usuário" pede a lista de usuários escrevendo tudo com outras letras
    ENTÃO o WAY mostra só "administrador e usuário"

Não entrar com a senha errada nem sem conta
    DADO que minha empresa tem um administrador e um usuário
    QUANDO o "usuário" entra no WAY com a senha errada
    ENTÃO o WAY não deixa entrar
    QUANDO alguém que não existe entra no WAY
    ENTÃO o WAY não deixa entrar

Não entrar com o que não é o hash da senha
    [Modelo]    O WAY não aceita na entrada a senha que é "${valor}"
    vazio
    nada
    o texto minha senha
    o número 7
    um texto de 63 letras
    um texto de 65 letras
    o texto ZZ78EB1ABFC9722EBAB9BA3DD303AFD37DD1AE50A791CBA16ABEE0A727029DFZ

Não entrar com o que não é nome
    [Modelo]    O WAY não deixa entrar quem diz que seu nome é "${valor}"
    vazio
    nada
    o número 7
    o texto com espaço

Não entrar quando a conta está inativa
    DADO que minha empresa tem um administrador e um usuário
    E que o "administrador" entrou no WAY
    QUANDO o "administrador" inativa o "usuário"
    ENTÃO o WAY confirma ao "administrador"
    QUANDO o "usuário" entra no WAY
    ENTÃO o WAY não deixa entrar

Não entrar quando a empresa está inativa
    DADO que minha empresa tem um administrador e um usuário
    E que o "usuário" entrou no WAY
    E que a empresa foi desativada
    ENTÃO a sessão do "usuário" acabou
    QUANDO o "usuário" entra no WAY
    ENTÃO o WAY não deixa entrar

Uma nova entrada encerra a sessão anterior
    DADO que minha empresa tem um administrador e um usuário
    E que o "usuário" entrou no WAY
    E que o "administrador" entrou no WAY
    QUANDO o "usuário" entra no WAY
    ENTÃO a sessão do "usuário" acabou
    E a sessão do "administrador" continua

Sair
    DADO que minha empresa tem um administrador e um usuário
    E que o "usuário" entrou no WAY
    QUANDO o "usuário" sai do WAY
    ENTÃO o WAY se despede
    E a sessão do "usuário" acabou
    QUANDO o "usuário" sai do WAY
    ENTÃO a sessão está inválida

Uma mudança na empresa encerra as sessões
    DADO que minha empresa tem um administrador e um usuário
    E que o "usuário" entrou no WAY
    E que a empresa mudou de nome
    ENTÃO a sessão do "usuário" acabou
    QUANDO o "usuário" entra no WAY
    ENTÃO o WAY abre uma sessão para o "usuário"

Uma sessão que não existe não serve para nada
    [Modelo]    A sessão "${sessão}" não serve para nada
    EB078EB1ABFC9722EBAB9BA3DD303AFD37DD1AE50A791CBA16ABEE0A727029DF
    1
    minha-sessao

Recusar o que não se entende
    QUANDO alguém manda o texto "bom dia" para "/api/main"
    ENTÃO o WAY diz que não entendeu
    QUANDO alguém manda o texto "[1]" para "/api/main"
    ENTÃO o WAY diz que não entendeu
