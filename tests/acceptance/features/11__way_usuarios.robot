Language: pt-BR

*** Configurações ***
Nome    WAY, usuários
Documentação    WAY: os usuários da empresa. O administrador cadastra, muda e inativa; os outros veem e mudam a própria senha.
Recurso    ../steps/way.resource
Finalização de Teste    Desfazer o que foi feito
Finalização de Suíte    O administrador sai

*** Casos de Teste ***
Ver os usuários da empresa
    DADO que minha empresa tem um administrador e um usuário
    E que outra empresa tem um usuário
    E que o "administrador" entrou no WAY
    E que o "usuário" entrou no WAY
    QUANDO o "administrador" pede a lista de usuários
    ENTÃO o WAY mostra só "administrador e usuário"
    QUANDO o "usuário" pede a lista de usuários
    ENTÃO o WAY mostra só "administrador e usuário"
    QUANDO o "administrador" procura o "usuário"
    ENTÃO o WAY mostra só o "usuário", com Ativo "true"
    QUANDO o "administrador" procura o "usuário da outra empresa"
    ENTÃO o WAY não mostra ninguém

Não ver quem não existe
    [Inicialização]    Run Keywords
    ...    que minha empresa tem um administrador e um usuário    AND    que o "administrador" entrou no WAY
    [Modelo]    O WAY não mostra ninguém de id "${id}"
    0
    -1
    9223372036854775807
    9223372036854775808
    um

Cadastrar um usuário ativo
    DADO que minha empresa tem um administrador e um usuário
    E que o "administrador" entrou no WAY
    QUANDO o "administrador" cadastra o "novo" com "Ativo" sendo "o texto true"
    ENTÃO o WAY confirma ao "administrador"
    E o "novo" aparece na lista do "administrador" com Ativo "true"
    QUANDO o "novo" entra no WAY
    ENTÃO o WAY abre uma sessão para o "novo"
    QUANDO o "administrador" cadastra o "outro" com "Ativo" sendo "verdadeiro"
    ENTÃO o WAY confirma ao "administrador"
    E o "outro" aparece na lista do "administrador" com Ativo "true"

Quem é cadastrado sem dizer se está ativo fica inativo
    DADO que minha empresa tem um administrador e um usuário
    E que o "administrador" entrou no WAY
    QUANDO o "administrador" cadastra o "novo" sem dizer se está ativo
    ENTÃO o WAY confirma ao "administrador"
    E o "novo" aparece na lista do "administrador" com Ativo "false"
    QUANDO o "novo" entra no WAY
    ENTÃO o WAY não deixa entrar
    QUANDO o "administrador" cadastra o "outro" com "Ativo" sendo "o texto false"
    ENTÃO o "outro" aparece na lista do "administrador" com Ativo "false"

Não cadastrar com dados inválidos
    [Inicialização]    Run Keywords
    ...    que minha empresa tem um administrador e um usuário    AND    que o "administrador" entrou no WAY
    [Modelo]    O WAY não cadastra quando "${campo}" é "${valor}" e diz "${mensagem}"
    UserName    o texto user 3    O nome do usuário não pode conter espaços
    PassWord    o texto minha senha    ${FORMATO DA SENHA}
    PassWord    um texto de 63 letras    ${FORMATO DA SENHA}
    PassWord    vazio    ${FORMATO DA SENHA}
    PassWord    nada    ${FORMATO DA SENHA}

Não cadastrar sem dizer bem se está ativo
    [Inicialização]    Run Keywords
    ...    que minha empresa tem um administrador e um usuário    AND    que o "administrador" entrou no WAY
    [Modelo]    O WAY não cadastra com "Ativo" sendo "${valor}"
    o texto talvez
    o número 1
    nada

Não cadastrar um nome que já existe
    DADO que minha empresa tem um administrador e um usuário
    E que o "administrador" entrou no WAY
    QUANDO o "administrador" cadastra outro com o nome do "usuário"
    ENTÃO o WAY recusa ao "administrador": "Já Existe um usuário cadastrado com este nome."

Mudar o nome e a senha de um usuário
    DADO que minha empresa tem um administrador e um usuário
    E que o "administrador" entrou no WAY
    E que o "usuário" entrou no WAY
    QUANDO o "administrador" muda o nome do "usuário"
    ENTÃO o WAY confirma ao "administrador"
    E a sessão do "usuário" acabou
    QUANDO o "usuário" entra no WAY
    ENTÃO o WAY abre uma sessão para o "usuário"
    QUANDO o "administrador" muda a senha do "usuário"
    ENTÃO o WAY confirma ao "administrador"
    E a sessão do "usuário" acabou
    E a senha antiga do "usuário" não vale mais
    QUANDO o "usuário" entra no WAY
    ENTÃO o WAY abre uma sessão para o "usuário"

Quem é mudado sem dizer se está ativo fica inativo
    DADO que minha empresa tem um administrador e um usuário
    E que o "administrador" entrou no WAY
    QUANDO o "administrador" muda o "usuário" sem dizer se está ativo
    ENTÃO o WAY confirma ao "administrador"
    QUANDO o "administrador" procura o "usuário"
    ENTÃO o WAY mostra só o "usuário", com Ativo "false"

Não mudar com dados inválidos
    [Inicialização]    Run Keywords
    ...    que minha empresa tem um administrador e um usuário    AND    que o "administrador" entrou no WAY
    [Modelo]    O WAY não muda quando "${campo}" é "${valor}" e diz "${mensagem}"
    UserName    o texto user 3    O nome do usuário não pode conter espaços
    PassWord    o texto minha senha    ${FORMATO DA SENHA}
    PassWord    nada    ${FORMATO DA SENHA}

Não dar a um usuário o nome de outro
    DADO que minha empresa tem um administrador e um usuário
    E que o "administrador" entrou no WAY
    QUANDO o "administrador" dá ao "usuário" o nome do "administrador"
    ENTÃO o WAY recusa ao "administrador": "Já Existe um usuário cadastrado com este nome."

O administrador muda a própria senha e continua na sessão
    DADO que minha empresa tem um administrador e um usuário
    E que o "administrador" entrou no WAY
    QUANDO o "administrador" muda a senha do "administrador"
    ENTÃO o WAY confirma ao "administrador"
    E a sessão do "administrador" continua
    E a senha antiga do "administrador" não vale mais

Quem não é administrador só muda a própria senha
    DADO que minha empresa tem um administrador e um usuário
    E que o "usuário" entrou no WAY
    QUANDO o "usuário" muda a senha do "usuário"
    ENTÃO o WAY confirma ao "usuário"
    E a sessão do "usuário" continua
    E a senha antiga do "usuário" não vale mais
    QUANDO o "usuário" muda o nome do "usuário"
    ENTÃO o WAY recusa ao "usuário": "Usuário sem permissão"
    QUANDO o "usuário" muda o "usuário" sem dizer se está ativo
    ENTÃO o WAY recusa ao "usuário": "Usuário sem permissão"
    QUANDO o "usuário" dá ao "administrador" o nome do "usuário"
    ENTÃO o WAY recusa ao "usuário": "Usuário sem permissão"
    QUANDO o "usuário" inativa o "administrador"
    ENTÃO o WAY recusa ao "usuário": "Usuário sem permissão"
    QUANDO o "usuário" cadastra o "novo" com "Ativo" sendo "verdadeiro"
    ENTÃO o WAY recusa ao "usuário": "Usuário sem permissão"

Inativar um usuário
    DADO que minha empresa tem um administrador e um usuário
    E que o "administrador" entrou no WAY
    E que o "usuário" entrou no WAY
    QUANDO o "administrador" inativa o "usuário"
    ENTÃO o WAY confirma ao "administrador"
    E a sessão do "usuário" acabou
    QUANDO o "administrador" procura o "usuário"
    ENTÃO o WAY mostra só o "usuário", com Ativo "false"

O administrador que se inativa perde a sessão
    DADO que minha empresa tem um administrador e um usuário
    E que o "administrador" entrou no WAY
    QUANDO o "administrador" inativa o "administrador"
    ENTÃO o WAY confirma ao "administrador"
    E a sessão do "administrador" acabou

Quem não é da empresa não se muda nem se inativa
    DADO que minha empresa tem um administrador e um usuário
    E que outra empresa tem um usuário
    E que o "administrador" entrou no WAY
    QUANDO o "administrador" muda a senha do "usuário da outra empresa"
    ENTÃO o WAY recusa ao "administrador": "Usuário não encontrado"
    QUANDO o "administrador" inativa o "usuário da outra empresa"
    ENTÃO o WAY recusa ao "administrador": "Usuário não encontrado"
    QUANDO o "administrador" muda o usuário de id "9223372036854775807"
    ENTÃO o WAY recusa ao "administrador": "Usuário não encontrado"
    QUANDO o "administrador" inativa o usuário de id "9223372036854775807"
    ENTÃO o WAY recusa ao "administrador": "Usuário não encontrado"

O último administrador ativo fica
    DADO que só há um administrador ativo no sistema, e ele entrou no WAY
    QUANDO o "único administrador" inativa o "único administrador"
    ENTÃO o WAY recusa ao "único administrador": "Não é possível inativar o último administrador ativo"
    E a sessão do "único administrador" continua
