Language: pt-BR

*** Configurações ***
Nome    Inventário da loja
Documentação    Inventário da loja, na porta única: o que cada cliente comprou.
Recurso    ../steps/loja_modelos.resource
Configuração da Suíte    Entrar na loja com uma conta nova
Finalização de Suíte    Sair da loja e desativar a conta
Inicialização de Teste    Começar sem nada
Finalização de Teste    Desfazer o que foi feito

*** Casos de Teste ***
Cadastrar e listar uma compra
    DADO que tenho os dados de uma compra
    QUANDO peço para cadastrar a compra
    ENTÃO a compra é cadastrada
    QUANDO listo as compras do cliente
    ENTÃO o cliente tem só essa compra
    QUANDO listo as compras do cliente pelo outro nome
    ENTÃO o cliente tem só essa compra

De uma data com hora guarda-se o dia
    [Modelo]    Uma compra de "${escrita}" é vista em "${data}"
    o texto 2024-11-01    Fri, 01 Nov 2024 00:00:00 GMT
    o texto 2024-02-29    Thu, 29 Feb 2024 00:00:00 GMT
    o texto 2024-11-01T23:59:59    Fri, 01 Nov 2024 00:00:00 GMT
    o texto 2024-11-01T23:59:59-03:00    Fri, 01 Nov 2024 00:00:00 GMT

Não cadastrar uma compra com dados inválidos
    [Modelo]    Não se cadastra uma compra quando "${campo}" é "${valor}"
    client_id    o texto um
    client_id    nada
    product_id    verdadeiro
    product_id    o número 1.5
    number_of_items    o número -1
    number_of_items    o número 1.5
    number_of_items    o texto dez
    purchase_date    o texto 01/11/2024
    purchase_date    o texto 2024-02-30
    purchase_date    o texto ontem
    purchase_date    o número 20241101
    purchase_date    nada

Não cadastrar uma compra a que falta um dado
    [Modelo]    Não se cadastra uma compra sem "${campo}"
    client_id
    product_id
    number_of_items
    purchase_date

Não cadastrar uma compra de quem ou do que não existe mais
    DADO que tenho os dados de uma compra
    QUANDO peço para excluir o produto
    E peço para cadastrar a compra
    ENTÃO a loja recusa porque não existe
    DADO que existe um produto
    E que tenho os dados de uma compra
    QUANDO peço para excluir o cliente
    E peço para cadastrar a compra
    ENTÃO a loja recusa porque não existe

Excluir uma compra
    DADO que existe uma compra
    QUANDO excluo a compra se ainda estiver como nunca esteve
    ENTÃO a loja recusa porque mudou nesse meio tempo
    QUANDO excluo a compra se ainda estiver como a vi
    ENTÃO a loja confirma
    QUANDO listo as compras do cliente
    ENTÃO a lista está vazia
    QUANDO peço para excluir a compra
    ENTÃO a loja recusa porque não existe

Excluir todas as compras de um cliente
    DADO que existe uma compra
    QUANDO excluo todas as compras do cliente
    ENTÃO a loja confirma
    QUANDO listo as compras do cliente
    ENTÃO a lista está vazia
    DADO que existe uma compra
    QUANDO excluo todas as compras do cliente pelo outro nome
    ENTÃO a loja confirma
    QUANDO listo as compras do cliente
    ENTÃO a lista está vazia

Excluir todas as compras de um produto
    DADO que existe uma compra
    QUANDO excluo todas as compras do produto
    ENTÃO a loja confirma
    QUANDO listo as compras do cliente
    ENTÃO a lista está vazia

Não excluir compras sem dizer bem de quem
    [Modelo]    Não se acham as compras a excluir quando "${campo}" é "${valor}"
    type    o texto address
    type    nada
    type    o número 7
    remotion_id    nada
    remotion_id    o texto um
    remotion_id    verdadeiro
