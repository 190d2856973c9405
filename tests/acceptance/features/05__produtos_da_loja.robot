Language: pt-BR

*** Configurações ***
Nome    Produtos da loja
Documentação    Produtos da loja, na porta única.
Recurso    ../steps/loja_modelos.resource
Configuração da Suíte    Entrar na loja com uma conta nova
Finalização de Suíte    Sair da loja e desativar a conta
Inicialização de Teste    Começar sem nada
Finalização de Teste    Desfazer o que foi feito

*** Casos de Teste ***
Cadastrar e buscar um produto
    DADO que tenho os dados de um produto
    QUANDO peço para cadastrar o produto
    ENTÃO o produto é cadastrado
    QUANDO busco o produto
    ENTÃO recebo o produto como foi cadastrado

Valores que se escrevem de mais de um jeito
    [Modelo]    Quando "${campo}" do produto é "${escrito}" vê-se "${visto}"
    status    verdadeiro    o número 1
    status    falso    o número 0
    status    o número 1    o número 1
    status    o número 0    o número 0
    price    o número 0    o texto 0.00
    price    o número 1999.9    o texto 1999.90
    price    o texto 30.25    o texto 30.25
    price    o número 30.1    o texto 30.10
    quantity    o número 0    o número 0
    description    vazio    vazio
    description    um texto de 10000 letras    um texto de 10000 letras
    name    um texto de 100 letras    um texto de 100 letras

Não cadastrar um produto com dados inválidos
    [Modelo]    Não se cadastra um produto quando "${campo}" é "${valor}"
    name    vazio
    name    nada
    name    um texto de 101 letras
    name    o número 7
    description    nada
    description    o número 7
    description    um texto de 10001 letras
    quantity    o número -1
    quantity    o número 1.5
    quantity    o texto dez
    quantity    verdadeiro
    price    o número -1
    price    o número 0.001
    price    o número 100000000
    price    o texto caro
    price    nada
    status    o número 2
    status    o texto true
    status    nada

Não cadastrar um produto a que falta um dado
    [Modelo]    Não se cadastra um produto sem "${campo}"
    name
    description
    quantity
    price
    status

Não cadastrar dois produtos com o mesmo nome
    DADO que existe um produto
    QUANDO peço para cadastrar outro produto com o mesmo "name"
    ENTÃO a loja recusa porque já é de outro

Listar os produtos
    DADO que existe um produto
    QUANDO listo os produtos
    ENTÃO o produto está na lista

Não buscar um produto que não existe mais
    DADO que existia um produto que foi excluído
    QUANDO busco o produto
    ENTÃO a loja recusa porque não existe

Atualizar um produto
    DADO que existe um produto
    QUANDO mudo todos os dados do produto
    ENTÃO a loja confirma
    E a busca mostra o produto mudado

Não atualizar um produto com dados inválidos
    [Modelo]    Não se muda um produto quando "${campo}" é "${valor}"
    name    vazio
    quantity    o número -1
    price    o texto caro
    status    o número 3

Não atualizar um produto com o nome de outro
    DADO que existe um produto
    E que existe outro produto
    QUANDO dou ao produto o "name" do outro
    ENTÃO a loja recusa porque já é de outro

Atualizar e excluir um produto só se ninguém o mudou
    DADO que existe um produto
    E que outra pessoa mudou o produto
    QUANDO mudo o produto se ainda estiver como o vi
    ENTÃO a loja recusa porque mudou nesse meio tempo
    QUANDO excluo o produto se ainda estiver como o vi
    ENTÃO a loja recusa porque mudou nesse meio tempo

Não atualizar um produto que não existe mais
    DADO que existia um produto que foi excluído
    QUANDO mudo todos os dados do produto
    ENTÃO a loja recusa porque não existe

Excluir um produto
    DADO que existe um produto
    QUANDO peço para excluir o produto
    ENTÃO a loja confirma
    QUANDO busco o produto
    ENTÃO a loja recusa porque não existe
    QUANDO peço para excluir o produto
    ENTÃO a loja recusa porque não existe

Perguntar se um produto existe
    DADO que existe um produto
    QUANDO pergunto se o produto existe
    ENTÃO o produto existe
    QUANDO peço para excluir o produto
    E pergunto se o produto existe
    ENTÃO o produto não existe

As compras do produto vão com ele
    DADO que existe uma compra
    QUANDO peço para excluir o produto
    ENTÃO a loja confirma
    QUANDO listo as compras do cliente
    ENTÃO a lista está vazia
