Language: pt-BR

*** Configurações ***
Nome    Mensagens
Documentação    Mensagens: mostrar, adicionar e deletar, sem precisar entrar no sistema.
Recurso    ../steps/mensagens.resource
Finalização de Teste    Desfazer o que foi feito

*** Casos de Teste ***
Adicionar uma mensagem sem dizer o número
    QUANDO adiciono uma mensagem sem dizer o número
    ENTÃO recebo o aviso "Mensagem criada"
    E a mensagem ganha um número
    QUANDO mostro a mensagem
    ENTÃO vejo só essa mensagem

Adicionar uma mensagem com um número livre
    DADO que existia uma mensagem que foi deletada
    QUANDO adiciono uma mensagem com esse número
    ENTÃO recebo o aviso "Mensagem criada"
    QUANDO mostro a mensagem
    ENTÃO vejo só essa mensagem

Adicionar uma mensagem com o número escrito como texto
    DADO que existia uma mensagem que foi deletada
    QUANDO adiciono uma mensagem com esse número escrito como texto
    ENTÃO recebo o aviso "Mensagem criada"
    QUANDO mostro a mensagem com o número escrito como texto
    ENTÃO vejo só essa mensagem

O sistema dá o número seguinte ao maior já usado
    DADO que existem duas mensagens
    ENTÃO o segundo número vem logo depois do primeiro

Não adicionar uma mensagem com um número que já existe
    DADO que existe uma mensagem
    QUANDO adiciono uma mensagem com esse número
    ENTÃO recebo o aviso "Não foi possível adicionar a mensagem"

Adicionar mensagens de todo jeito
    [Modelo]    Adiciona-se e mostra-se uma mensagem que é "${valor}"
    um texto de 10000 letras
    o texto it's a "quote"
    o texto ação, coração e 日本語
    o texto {'id': 1, 'mensagem': 'abc'}

Não adicionar o que não é mensagem
    [Modelo]    Não se adiciona uma mensagem que é "${valor}"
    vazio
    nada
    o número 7
    verdadeiro
    uma lista
    um objeto
    um texto de 10001 letras
    um caractere nulo

Não adicionar sem mensagem
    QUANDO peço para adicionar sem mensagem
    ENTÃO recebo o aviso "Não foi possível adicionar a mensagem"

Mostrar todas as mensagens
    DADO que existem duas mensagens
    QUANDO mostro todas as mensagens
    ENTÃO vejo as duas mensagens, uma depois da outra
    QUANDO mostro todas as mensagens sem dizer mais nada
    ENTÃO vejo as duas mensagens, uma depois da outra

Não mostrar uma mensagem que não existe mais
    DADO que existia uma mensagem que foi deletada
    QUANDO mostro a mensagem
    ENTÃO recebo o aviso "ID não existe"

Deletar uma mensagem
    DADO que existe uma mensagem
    QUANDO deleto a mensagem
    ENTÃO recebo o aviso "Mensagem deletada"
    QUANDO mostro a mensagem
    ENTÃO recebo o aviso "ID não existe"

Não deletar uma mensagem duas vezes
    DADO que existia uma mensagem que foi deletada
    QUANDO deleto a mensagem
    ENTÃO recebo o aviso "ID não existe"

Recusar o que não é número
    [Modelo]    O que é "${valor}" não serve de número
    o texto três
    o texto -1
    o número 1.0
    verdadeiro
    uma lista
    o texto 99999999999999999999
    o número 9223372036854775808

Não deletar sem dizer o número
    [Modelo]    Não se deleta sem número, que é "${valor}"
    vazio
    nada

Recusar o que não é um pedido
    [Modelo]    A linha "${linha}" é recusada e a conexão continua
    bom dia
    {"op": "mostrar"
    \["mostrar"]
    {"op": "listar"}
    {"op": 7}
    {"id": 1, "data": ""}
    {"op": "adicionar", "data": NaN}

Responder na ordem a quem escreve tudo de uma vez
    QUANDO escrevo de uma só vez duas mensagens novas e o pedido de mostrar, sem fim de linha
    ENTÃO as respostas vêm na ordem dos pedidos

Recusar, despedir-se e desligar quando o pedido é longo demais
    QUANDO escrevo um pedido longo demais
    ENTÃO recebo o aviso "Requisição inválida"
    E depois recebo o aviso "Conexão encerrada"
    E a conexão está encerrada

Recusar e desligar quando quem fala é uma página da rede
    QUANDO escrevo "POST /mensagens HTTP/1.1"
    ENTÃO recebo o aviso "Requisição inválida"
    E depois recebo o aviso "Conexão encerrada"
    E a conexão está encerrada
