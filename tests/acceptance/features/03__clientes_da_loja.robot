Language: pt-BR

*** Configurações ***
Nome    Clientes da loja
Documentação    Clientes da loja, na porta única: quem entrou cadastra, busca, lista, atualiza e exclui.
Recurso    ../steps/loja_modelos.resource
Configuração da Suíte    Entrar na loja com uma conta nova
Finalização de Suíte    Sair da loja e desativar a conta
Inicialização de Teste    Começar sem nada
Finalização de Teste    Desfazer o que foi feito

*** Casos de Teste ***
Cadastrar e buscar um cliente
    DADO que tenho os dados de um cliente
    QUANDO peço para cadastrar o cliente
    ENTÃO o cliente é cadastrado
    QUANDO busco o cliente
    ENTÃO recebo o cliente como foi cadastrado
    QUANDO busco o cliente pelo endereço com barra no fim
    ENTÃO recebo o cliente como foi cadastrado

Valores que se escrevem de mais de um jeito
    [Modelo]    Quando "${campo}" do cliente é "${escrito}" vê-se "${visto}"
    balance    o número 0    o texto 0.00
    balance    o número 30.2    o texto 30.20
    balance    o texto 30.25    o texto 30.25
    balance    o número 99999999.99    o texto 99999999.99
    email    o texto Vinícius_{marca}@exemplo.com.br    o texto Vinícius_{marca}@exemplo.com.br
    name    um texto de 100 letras    um texto de 100 letras

O CPF pode vir só com os algarismos
    DADO que tenho os dados de um cliente
    QUANDO peço para cadastrar o cliente com o CPF só em algarismos
    ENTÃO o cliente é cadastrado
    E o CPF é visto com a pontuação

Não cadastrar um cliente com dados inválidos
    [Modelo]    Não se cadastra um cliente quando "${campo}" é "${valor}"
    name    vazio
    name    nada
    name    o número 7
    name    um texto de 101 letras
    email    o texto sem-arroba.org
    email    o texto sem@ponto
    email    vazio
    email    o número 7
    cpf    o texto 454.090.000-0
    cpf    o texto 454090000-00
    cpf    o texto 4540900000
    cpf    o texto abc.def.ghi-jk
    cpf    o número 45409000000
    balance    o número -0.01
    balance    o número 30.255
    balance    o número 100000000
    balance    o texto trinta
    balance    o texto 30,25
    balance    nada
    balance    verdadeiro

Não cadastrar um cliente a que falta um dado
    [Modelo]    Não se cadastra um cliente sem "${campo}"
    name
    email
    cpf
    balance

Não cadastrar dois clientes com o mesmo email ou CPF
    DADO que existe um cliente
    QUANDO peço para cadastrar outro cliente com o mesmo "email"
    ENTÃO a loja recusa porque já é de outro
    QUANDO peço para cadastrar outro cliente com o mesmo email em letras maiúsculas
    ENTÃO a loja recusa porque já é de outro
    QUANDO peço para cadastrar outro cliente com o mesmo "cpf"
    ENTÃO a loja recusa porque já é de outro

Listar os clientes
    DADO que existe um cliente
    QUANDO listo os clientes
    ENTÃO o cliente está na lista

Não buscar um cliente que não existe mais
    DADO que existia um cliente que foi excluído
    QUANDO busco o cliente
    ENTÃO a loja recusa porque não existe
    QUANDO busco o cliente "um"
    ENTÃO a loja recusa porque não existe

Atualizar um cliente
    DADO que existe um cliente
    QUANDO mudo todos os dados do cliente
    ENTÃO a loja confirma
    E a busca mostra o cliente mudado

Não atualizar um cliente com dados inválidos
    [Modelo]    Não se muda um cliente quando "${campo}" é "${valor}"
    name    vazio
    email    o texto sem-arroba
    cpf    o texto 1
    balance    o número -1

Não atualizar um cliente com o email ou o CPF de outro
    DADO que existe um cliente
    E que existe outro cliente
    QUANDO dou ao cliente o "email" do outro
    ENTÃO a loja recusa porque já é de outro
    QUANDO dou ao cliente o "cpf" do outro
    ENTÃO a loja recusa porque já é de outro

Não atualizar um cliente que não existe mais
    DADO que existia um cliente que foi excluído
    QUANDO mudo todos os dados do cliente
    ENTÃO a loja recusa porque não existe

Atualizar e excluir um cliente só se ninguém o mudou
    DADO que existe um cliente
    QUANDO mudo o cliente se ainda estiver como o vi
    ENTÃO a loja confirma
    QUANDO mudo o cliente se ainda estiver como o vi
    ENTÃO a loja recusa porque mudou nesse meio tempo
    QUANDO excluo o cliente se ainda estiver como o vi
    ENTÃO a loja recusa porque mudou nesse meio tempo
    QUANDO peço para excluir o cliente
    ENTÃO a loja confirma

Excluir um cliente
    DADO que existe um cliente
    QUANDO peço para excluir o cliente
    ENTÃO a loja confirma
    QUANDO busco o cliente
    ENTÃO a loja recusa porque não existe
    QUANDO peço para excluir o cliente
    ENTÃO a loja recusa porque não existe

Perguntar se um cliente existe
    DADO que existe um cliente
    QUANDO pergunto se o cliente existe
    ENTÃO o cliente existe
    QUANDO peço para excluir o cliente
    E pergunto se o cliente existe
    ENTÃO o cliente não existe

O que é do cliente vai com ele
    DADO que existe um cliente
    E que existe um endereço
    E que existe uma compra
    QUANDO peço para excluir o cliente
    ENTÃO a loja confirma
    QUANDO listo os endereços do cliente
    ENTÃO a lista está vazia
    QUANDO listo as compras do cliente
    ENTÃO a lista está vazia
