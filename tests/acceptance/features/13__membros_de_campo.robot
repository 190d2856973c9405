Language: pt-BR

*** Configurações ***
Nome    Membros de campo
Documentação    Membros: os programas de campo, que não sabem bem HTTP, são atendidos assim mesmo; quem diz outra coisa, não.
Recurso    ../steps/membros_de_campo.resource
Finalização de Teste    Desfazer o que foi feito
Finalização de Suíte    O administrador sai

*** Casos de Teste ***
Perguntar pelo servidor sem terminar o cabeçalho
    DADO que meu programa está conectado
    QUANDO meu programa pergunta pelo servidor sem terminar o cabeçalho
    ENTÃO o servidor diz que está de pé
    E sou atendido sem demora

Cadastrar-se e entrar sem contar direito o tamanho
    DADO que escolhi um email e uma senha
    E que meu programa está conectado
    QUANDO meu programa me cadastra sem contar direito o tamanho
    ENTÃO o cadastro é feito
    QUANDO meu programa entra sem contar direito o tamanho
    ENTÃO os membros me recebem como "user"

A conexão lembra quem entrou
    DADO que meu programa entrou
    QUANDO meu programa pergunta pelos membros sem terminar o cabeçalho
    ENTÃO vejo só a mim
    E sou atendido sem demora
    QUANDO meu programa pergunta pelos membros sem cabeçalho nenhum
    ENTÃO vejo só a mim

Outra conexão não lembra
    DADO que meu programa entrou
    E que meu programa está conectado
    QUANDO meu programa pergunta pelos membros sem terminar o cabeçalho
    ENTÃO os membros recusam porque não entrei

Quem diz com que servidor fala não é lembrado
    DADO que meu programa entrou
    QUANDO meu programa pergunta pelos membros dizendo com que servidor fala
    ENTÃO os membros recusam porque não entrei

Uma entrada que falha não entra
    DADO que sou membro
    E que meu programa está conectado
    QUANDO meu programa entra com a senha errada
    ENTÃO os membros recusam porque o login falhou
    QUANDO meu programa pergunta pelos membros sem terminar o cabeçalho
    ENTÃO os membros recusam porque não entrei

Quem pergunta sem esperar vê o que pediu antes
    DADO que sou membro
    E que meu programa está conectado
    QUANDO meu programa entra e pergunta pelos membros de uma só vez
    ENTÃO vejo só a mim

Quem foi desligado por outra porta deixa de ser lembrado
    DADO que meu programa entrou
    QUANDO mudam a minha senha
    E meu programa pergunta pelos membros sem terminar o cabeçalho
    ENTÃO os membros recusam porque não entrei

O resto do HTTP é à risca
    [Modelo]    Recusa-se e desliga-se a quem diz "${texto}"
    bom dia\r\n\r\n
    GET / HTTP/1.1\r\nHost : ${HOST}\r\n\r\n
    GET / HTTP/1.1\r\nHost: ${HOST}\r\nHost: outro\r\n\r\n
    GET / HTTP/1.1\r\nsem dois pontos\r\n\r\n
    POST / HTTP/1.1\r\nHost: ${HOST}\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n
    POST / HTTP/1.1\r\nHost: ${HOST}\r\nContent-Length: cinco\r\n\r\n
    POST / HTTP/1.1\r\nHost: ${HOST}\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n
