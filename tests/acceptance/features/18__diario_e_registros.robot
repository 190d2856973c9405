Language: pt-BR

*** Configurações ***
Nome    Diário e registros
Documentação    Administração: o diário do que se pede e do que se responde, os registros de todos os tipos, a página do console.
Recurso    ../steps/diario_e_registros.resource
Finalização de Teste    Desfazer o que foi feito
Finalização de Suíte    O administrador sai

*** Casos de Teste ***
O que só um administrador vê
    [Modelo]    Sem entrar não se pode ${ação}
    ver o diário
    ver do diário
    acompanhar o diário
    ver o resumo
    ver os tipos
    listar registros
    criar registro
    ver registro
    mudar registro
    apagar registro
    ver os dependentes
    enviar de novo
    ver quem entrou no console
    sair do console
    traduzir do diário
    traduzir
    ver o registro de uso
    ver as falhas
    pedir falha
    tirar falha
    tirar falhas

O diário mostra o pedido e a resposta, e não mostra o token
    DADO que sou administrador
    E que existe uma mensagem
    QUANDO vejo o diário de "messages"
    ENTÃO a administração confirma
    E no diário está um pedido, com a resposta
    E o token não se vê
    QUANDO vejo do diário esse pedido
    ENTÃO a administração confirma
    QUANDO vejo do diário o pedido de id "9223372036854775807"
    ENTÃO a administração recusa porque não existe

Um pedido é dito em outras palavras
    DADO que sou administrador
    QUANDO traduzo "{"op": "mostrar"}" de "messages"
    ENTÃO a administração confirma
    E há uma linha para o nc
    E que existe uma mensagem
    QUANDO vejo o diário de "messages"
    ENTÃO no diário está um pedido, com a resposta
    QUANDO traduzo do diário esse pedido
    ENTÃO a administração confirma
    QUANDO traduzo "x" de "nenhuma"
    ENTÃO a administração recusa por causa de "dialect", porque algo está errado nos dados

O diário pode ser acompanhado
    DADO que sou administrador
    QUANDO acompanho o diário
    ENTÃO recebo um fluxo de eventos

Um registro é criado, visto, mudado e apagado
    DADO que sou administrador
    QUANDO vejo os tipos
    ENTÃO há o tipo "clients"
    QUANDO crio um registro do tipo "clients"
    ENTÃO o registro é criado
    QUANDO vejo o registro
    ENTÃO recebo o registro
    QUANDO listo os registros do tipo "clients" a partir do meu
    ENTÃO a lista tem só o meu registro
    QUANDO mudo "name" do registro para "Outro Nome"
    ENTÃO "name" do registro é "Outro Nome"
    QUANDO vejo os dependentes
    ENTÃO não há dependentes
    QUANDO vejo os dependentes de um tipo que não há
    ENTÃO a administração recusa porque não existe
    QUANDO apago o registro
    ENTÃO a administração confirma sem mais palavras
    QUANDO vejo o registro
    ENTÃO a administração recusa porque não existe

Um pedido é enviado de novo a uma porta
    DADO que sou administrador
    QUANDO envio "{"op": "mostrar"}" a "messages"
    ENTÃO a administração confirma
    E a porta respondeu
    QUANDO envio "x" a "nenhuma"
    ENTÃO a administração recusa por causa de "dialect", porque algo está errado nos dados

O resumo e as portas
    DADO que sou administrador
    QUANDO vejo o uso de "users"
    ENTÃO a administração confirma
    QUANDO vejo o uso desde "ontem"
    ENTÃO a administração recusa por causa de "since", porque algo está errado nos dados
    QUANDO vejo o resumo
    ENTÃO a administração confirma
    QUANDO vejo as portas
    ENTÃO cada porta tem o seu lugar

Entrar no console e sair dele
    DADO que sou administrador
    QUANDO entro no console com a senha errada
    ENTÃO a administração recusa porque não entrei
    QUANDO entro no console
    ENTÃO recebo um cookie que a página não lê, e uma chave
    QUANDO vejo quem entrou no console
    ENTÃO a administração confirma
    QUANDO saio do console
    ENTÃO a administração confirma sem mais palavras
    QUANDO vejo quem entrou no console
    ENTÃO a administração recusa porque não entrei
