Language: pt-BR

*** Configurações ***
Nome    O que vale para HTTP
Documentação    O que vale para todas as portas que falam HTTP.
Recurso    ../steps/http.resource
Finalização de Teste    Desfazer o que foi feito

*** Casos de Teste ***
Recusar caminhos que não existem
    [Modelo]    A porta "${porta}" não tem o caminho "${caminho}"
    shop    /nada
    shop    /clients/fetch/um
    clients    /products/fetch
    products    /clients/fetch
    inventory    /user/health
    auth    /inventory/health
    way    /api/nada
    members    /nada
    admin    /nada

Recusar métodos que o caminho não tem
    [Modelo]    A porta "${porta}" não faz "${método}" em "${caminho}", só "${métodos}"
    shop    PUT    /user/login    POST, OPTIONS
    clients    DELETE    /clients/fetch    GET, HEAD, OPTIONS
    products    POST    /products/update/1    PUT, OPTIONS
    inventory    GET    /inventory/remove_many    DELETE, OPTIONS
    auth    GET    /users/create    POST, OPTIONS
    way    GET    /api/main    POST, OPTIONS
    members    DELETE    /    GET, HEAD, OPTIONS, POST, PUT
    admin    PUT    /accounts    GET, HEAD, OPTIONS, POST

Contar quais são os métodos
    [Modelo]    A porta "${porta}" conta em "${caminho}" o que faz: "${métodos}"
    shop    /clients/health    GET, HEAD, OPTIONS
    way    /api/usuario/1    DELETE, GET, HEAD, OPTIONS, POST, PUT
    members    /    GET, HEAD, OPTIONS, POST, PUT
    admin    /companies/1    DELETE, GET, HEAD, OPTIONS, PATCH

Responder só com o cabeçalho
    QUANDO pergunto "HEAD" "/clients/health" à porta "shop"
    ENTÃO a porta responde sem corpo
    QUANDO pergunto "HEAD" "/health" à porta "admin"
    ENTÃO a porta responde sem corpo

Não tomar um corpo de outro tipo
    [Modelo]    A porta "${porta}" não toma um formulário em "${caminho}"
    shop    /user/create
    auth    /user/create
    way    /api/main
    admin    /login

Um corpo sem tipo é lido como os outros
    QUANDO mando sem dizer o tipo um nome que não serve para "/user/create" da porta "auth"
    ENTÃO a porta recusa porque algo está errado nos dados

Recusar o que é grande demais
    QUANDO mando um corpo grande demais para "/user/create" da porta "shop"
    ENTÃO a porta recusa porque o corpo é grande demais
    QUANDO mando um cabeçalho grande demais à porta "way"
    ENTÃO a porta recusa porque o cabeçalho é grande demais

Responder na ordem a quem pergunta tudo de uma vez
    DADO que estou conectado à porta "shop"
    QUANDO digo "GET /clients/health HTTP/1.1\r\nHost: localhost\r\n\r\nGET /nada HTTP/1.1\r\nHost: localhost\r\n\r\n"
    ENTÃO ouço a resposta "200" a "GET"
    E ouço a resposta "404" a "GET"

Falar o HTTP antigo
    DADO que estou conectado à porta "shop"
    QUANDO digo "GET /clients/health HTTP/1.0\r\n\r\n"
    ENTÃO ouço a resposta "200" a "GET"
    E a conexão está encerrada

Receber um corpo aos pedaços
    DADO que estou conectado à porta "way"
    QUANDO digo "POST /api/main HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nbom\r\n4\r\n dia\r\n0\r\n\r\n"
    ENTÃO ouço a resposta "400" a "POST"

Deixar continuar quem pergunta antes de mandar
    DADO que estou conectado à porta "way"
    QUANDO digo "POST /api/main HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n"
    ENTÃO ouço que posso continuar
    QUANDO digo "{}"
    ENTÃO ouço a resposta "200" a "POST"

Recusar e desligar quem não diz com que servidor fala
    DADO que estou conectado à porta "shop"
    QUANDO digo "GET /clients/health HTTP/1.1\r\n\r\n"
    ENTÃO ouço a resposta "400" a "GET"
    E a conexão está encerrada

Recusar e desligar quem diz dois tamanhos
    DADO que estou conectado à porta "admin"
    QUANDO digo "POST /login HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}"
    ENTÃO ouço a resposta "400" a "POST"
    E a conexão está encerrada

Páginas de outra origem não leem nem mudam nada
    QUANDO pergunto à porta "shop" por "/clients/health" numa página de "https://exemplo.org"
    ENTÃO nenhuma página pode ler a resposta
    QUANDO pergunto à porta "shop" o que uma página de "https://exemplo.org" pode fazer em "/clients/update/1"
    ENTÃO nenhuma página pode ler a resposta
    QUANDO uma página de "https://exemplo.org" manda "user=a&password=b" a "/user/create" da porta "shop"
    ENTÃO a porta recusa porque a página é de outra origem
    QUANDO uma página de "https://exemplo.org" manda "user:admin,a" a "/" da porta "members"
    ENTÃO a porta recusa porque a página é de outra origem
    QUANDO pergunto à porta "admin" por "/health" numa página de "https://exemplo.org"
    ENTÃO nenhuma página pode ler a resposta
