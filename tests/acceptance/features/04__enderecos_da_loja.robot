Language: pt-BR

*** Configurações ***
Nome    Endereços da loja
Documentação    Endereços dos clientes da loja, na porta única.
Recurso    ../steps/loja_modelos.resource
Configuração da Suíte    Entrar na loja com uma conta nova
Finalização de Suíte    Sair da loja e desativar a conta
Inicialização de Teste    Começar sem nada
Finalização de Teste    Desfazer o que foi feito

*** Casos de Teste ***
Cadastrar um endereço
    DADO que existe um cliente
    E que tenho os dados de um endereço
    QUANDO peço para cadastrar o endereço
    ENTÃO o endereço é cadastrado
    QUANDO listo os endereços do cliente
    ENTÃO o cliente tem só esse endereço
    QUANDO listo os endereços
    ENTÃO o endereço está na lista

Valores que se escrevem de mais de um jeito
    [Modelo]    Quando "${campo}" do endereço é "${escrito}" vê-se "${visto}"
    CEP    o texto 01310-100    o texto 01310-100
    CEP    o texto 01310100    o texto 01310-100
    number    o número 1    o número 1

O CEP pode vir em letras minúsculas
    DADO que existe um cliente
    E que tenho os dados de um endereço
    QUANDO peço para cadastrar o endereço com o CEP em letras minúsculas
    ENTÃO o endereço é cadastrado
    E "cep" do endereço é visto como "o texto 01310-100"

Não cadastrar um endereço com dados inválidos
    [Modelo]    Não se cadastra um endereço quando "${campo}" é "${valor}"
    client_id    nada
    client_id    o texto um
    client_id    verdadeiro
    state    o texto S
    state    o texto SPX
    state    o texto 35
    state    nada
    city    vazio
    city    um texto de 101 letras
    street    vazio
    street    o número 7
    number    o número 0
    number    o número -3
    number    o número 1.5
    number    o texto dez
    CEP    o texto 1310-100
    CEP    o texto 01310_100
    CEP    o texto 0131010
    CEP    o número 1310100
    CEP    nada

Não cadastrar um endereço a que falta um dado
    [Modelo]    Não se cadastra um endereço sem "${campo}"
    client_id
    state
    city
    street
    number
    CEP

Não cadastrar um endereço de um cliente que não existe mais
    DADO que existe um cliente
    E que tenho os dados de um endereço
    QUANDO peço para excluir o cliente
    E peço para cadastrar o endereço
    ENTÃO a loja recusa porque não existe

Atualizar um endereço
    DADO que existe um endereço
    QUANDO mudo todos os dados do endereço
    ENTÃO a loja confirma
    E o cliente tem só o endereço mudado

Não atualizar um endereço com dados inválidos
    [Modelo]    Não se muda um endereço quando "${campo}" é "${valor}"
    state    o texto São Paulo
    city    vazio
    number    o número 0
    CEP    o texto 1

Um endereço não muda de cliente
    DADO que existe um endereço
    QUANDO mudo o endereço com "client_id" sendo "o número 1"
    ENTÃO a loja confirma
    QUANDO listo os endereços do cliente
    ENTÃO o cliente tem só esse endereço

Atualizar e excluir um endereço só se ninguém o mudou
    DADO que existe um endereço
    E que outra pessoa mudou o endereço
    QUANDO mudo o endereço se ainda estiver como o vi
    ENTÃO a loja recusa porque mudou nesse meio tempo
    QUANDO excluo o endereço se ainda estiver como o vi
    ENTÃO a loja recusa porque mudou nesse meio tempo

Não atualizar um endereço que não existe mais
    DADO que existia um endereço que foi excluído
    QUANDO mudo todos os dados do endereço
    ENTÃO a loja recusa porque não existe

Excluir um endereço
    DADO que existe um endereço
    QUANDO peço para excluir o endereço
    ENTÃO a loja confirma
    QUANDO listo os endereços do cliente
    ENTÃO a lista está vazia
    QUANDO peço para excluir o endereço
    ENTÃO a loja recusa porque não existe
