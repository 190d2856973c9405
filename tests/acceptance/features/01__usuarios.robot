Language: pt-BR

*** Configurações ***
Nome    Usuários
Documentação    Usuários: criar, buscar, listar, atualizar e excluir, sem precisar entrar no sistema.
Recurso    ../steps/usuarios.resource
Finalização de Teste    Desfazer o que foi feito

*** Casos de Teste ***
Criar um usuário
    DADO que tenho os dados de uma pessoa
    QUANDO peço para criar o usuário
    ENTÃO o usuário é criado
    E a resposta traz os dados que enviei
    E o usuário tem identificador e as datas de criação e de mudança

Criar um usuário com dados nos limites
    [Modelo]    Um usuário é criado quando "${campo}" é "${valor}"
    name    um texto de 1 letras
    name    um texto de 200 letras
    name    o texto José da Conceição Ávila
    email    o texto joão@exemplo.org
    age    o número 0
    age    o número 150

Não criar um usuário com dados inválidos
    [Modelo]    Um usuário não é criado quando "${campo}" é "${valor}"
    name    nada
    name    vazio
    name    um texto de 201 letras
    name    o número 7
    name    uma lista
    name    um caractere nulo
    email    nada
    email    vazio
    email    o texto sem-arroba.org
    email    o texto sem@ponto
    email    o texto com espaço@exemplo.org
    email    um texto de 255 letras
    email    verdadeiro
    age    nada
    age    o texto trinta
    age    o número -1
    age    o número 151
    age    o número 30.5
    age    o número 1.0
    age    verdadeiro

Não criar um usuário a que falta um dado
    [Modelo]    Um usuário não é criado sem "${campo}"
    name
    email
    age

Dois usuários podem ter o mesmo email
    DADO que existe um usuário
    QUANDO peço para criar outro usuário com o mesmo email
    ENTÃO o usuário é criado
    E são dois usuários diferentes com o mesmo email

Buscar um único usuário
    DADO que existe um usuário
    QUANDO busco o usuário
    ENTÃO recebo o usuário
    QUANDO busco o usuário com o identificador escrito como texto
    ENTÃO recebo o usuário

Não buscar um usuário que não existe mais
    DADO que existia um usuário que foi excluído
    QUANDO busco o usuário
    ENTÃO recebo o erro "User Not Found"

Recusar o que não é identificador
    [Modelo]    Nenhum usuário tem o identificador "${valor}"
    nada
    verdadeiro
    o número 1.0
    o texto 99999999999999999999
    o número 9223372036854775808
    uma lista

Não encontrar um usuário por um texto que não é número
    [Modelo]    Não há usuário de identificador "${valor}"
    vazio
    o texto um
    o texto 1.0

Listar os usuários
    DADO que existem "3" usuários
    QUANDO listo os usuários
    ENTÃO os usuários estão na lista
    QUANDO listo os usuários sem dizer mais nada
    ENTÃO os usuários estão na lista

Listar os usuários por páginas
    DADO que existem "3" usuários
    QUANDO listo "2" usuários a partir do primeiro deles
    ENTÃO a lista tem os "2" primeiros deles

Não listar por páginas que não existem
    QUANDO listo os usuários com "limit" sendo "o número 0"
    ENTÃO recebo o erro "Bad Request"
    QUANDO listo os usuários com "limit" sendo "o texto dez"
    ENTÃO recebo o erro "Bad Request"
    QUANDO listo os usuários com "after" sendo "verdadeiro"
    ENTÃO recebo o erro "Bad Request"

Atualizar um dado de um usuário
    DADO que existe um usuário
    QUANDO mudo "name" do usuário para "o texto Zilda Arns"
    ENTÃO o usuário mudou só em "name" e na data de mudança
    E a busca mostra a mudança

Atualizar todos os dados de um usuário
    DADO que existe um usuário
    QUANDO mudo todos os dados do usuário
    ENTÃO a resposta traz os dados que enviei
    E a busca mostra a mudança

Não atualizar com dados inválidos
    DADO que existe um usuário
    QUANDO mudo "age" do usuário para "o número 151"
    ENTÃO recebo o erro "Bad Request"
    QUANDO mudo "email" do usuário para "o texto sem-arroba"
    ENTÃO recebo o erro "Bad Request"
    QUANDO busco o usuário
    ENTÃO recebo o usuário

Não mudar nada
    DADO que existe um usuário
    QUANDO mudo "name" do usuário para "nada"
    ENTÃO recebo o usuário
    QUANDO peço uma mudança sem dizer o que muda
    ENTÃO recebo o usuário

Não atualizar um usuário que não existe mais
    DADO que existia um usuário que foi excluído
    QUANDO mudo "age" do usuário para "o número 40"
    ENTÃO recebo o erro "User Not Found"

Excluir um usuário
    DADO que existe um usuário
    QUANDO peço para excluir o usuário
    ENTÃO o usuário é excluído
    QUANDO busco o usuário
    ENTÃO recebo o erro "User Not Found"

Não excluir um usuário duas vezes
    DADO que existia um usuário que foi excluído
    QUANDO peço para excluir o usuário
    ENTÃO recebo o erro "User Not Found"

Recusar operações que o sistema não tem
    QUANDO peço a operação "o texto apagar_tudo"
    ENTÃO recebo o erro "Not Found"
    QUANDO peço a operação "o número 7"
    ENTÃO recebo o erro "Bad Request"
    QUANDO faço um pedido sem dizer a operação
    ENTÃO recebo o erro "Bad Request"

Recusar o que não é um pedido
    [Modelo]    A linha "${linha}" é recusada e a conexão continua
    bom dia
    {"id_operation": "get_users"
    \["get_users"]
    "get_users"
    {"id_operation": "get_users", "payload": {"limit": NaN}}
    {"id_operation": "get_user", "payload": [1]}
    {"id_operation": "create_user", "payload": {"name": "\\ud800", "email": "a@b.org", "age": 30}}

Encerrar a conexão
    QUANDO peço para encerrar a conexão
    ENTÃO a despedida é "Connection closed"
    E a conexão está encerrada

Responder a quem não termina a linha
    DADO que existe um usuário
    QUANDO escrevo a busca sem fim de linha
    ENTÃO recebo o usuário

Responder na ordem a quem escreve tudo de uma vez
    DADO que existe um usuário
    QUANDO escrevo de uma só vez a busca, a exclusão e outra busca
    ENTÃO as respostas vêm na ordem dos pedidos: o usuário, a exclusão e "User Not Found"

Recusar e desligar quando o pedido fica pela metade
    QUANDO escrevo um pedido pela metade e desligo
    ENTÃO recebo o erro "Bad Request"
    E a conexão está encerrada

Recusar e desligar quando o pedido é longo demais
    QUANDO escrevo um pedido longo demais
    ENTÃO recebo o erro "Bad Request"
    E a conexão está encerrada

Recusar e desligar quando quem fala é uma página da rede
    QUANDO escrevo "GET / HTTP/1.1"
    ENTÃO recebo o erro "Bad Request"
    E a conexão está encerrada
