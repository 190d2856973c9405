Language: pt-BR

*** Configurações ***
Nome    Contas da loja
Documentação    Contas da loja, na porta única: quem entra recebe um token, que vale até sair.
Recurso    ../steps/contas_da_loja.resource
Inicialização de Teste    Começar sem nada
Finalização de Teste    Desfazer o que foi feito
Finalização de Suíte    O administrador sai

*** Casos de Teste ***
Criar uma conta e entrar
    DADO que escolhi um nome e uma senha
    QUANDO crio uma conta
    ENTÃO a conta é criada
    QUANDO entro na loja
    ENTÃO a loja me dá um token
    QUANDO uso a loja
    ENTÃO a loja me atende

Criar uma conta, entrar e sair pelos outros nomes
    DADO que escolhi um nome e uma senha
    QUANDO crio uma conta pelo outro nome
    ENTÃO a conta é criada
    QUANDO entro na loja pelo outro nome
    ENTÃO a loja me dá um token
    QUANDO saio da loja pelo outro nome
    ENTÃO a loja confirma
    QUANDO saio da loja pelo outro nome
    ENTÃO a loja recusa porque não entrei
    QUANDO entro pelo outro nome com a senha errada
    ENTÃO a loja recusa porque o nome ou a senha estão errados
    QUANDO crio pelo outro nome uma conta sem senha
    ENTÃO a loja recusa porque algo está errado nos dados

Não criar uma conta com um nome que já existe
    DADO que tenho uma conta
    QUANDO crio uma conta
    ENTÃO a loja recusa porque já é de outro
    QUANDO crio uma conta com o nome em letras maiúsculas
    ENTÃO a loja recusa porque já é de outro

Não criar uma conta com dados inválidos
    [Modelo]    Não se cria uma conta quando "${campo}" é "${valor}"
    username    vazio
    username    nada
    username    o número 7
    username    o texto a
    username    o texto ana maria
    username    o texto ana:maria
    username    o texto ana,maria
    username    um texto de 255 letras
    password    vazio
    password    um texto de 1 letras
    password    nada
    password    o número 123456

Não criar uma conta a que falta um dado
    [Modelo]    Não se cria uma conta sem "${campo}"
    username
    password

Entrar com o nome em letras maiúsculas
    DADO que tenho uma conta
    QUANDO entro na loja com o nome em letras maiúsculas
    ENTÃO a loja me dá um token

Não entrar com a senha errada nem sem conta
    DADO que tenho uma conta
    QUANDO entro na loja com a senha errada
    ENTÃO a loja recusa porque o nome ou a senha estão errados
    DADO que escolhi um nome e uma senha
    QUANDO entro na loja
    ENTÃO a loja recusa porque o nome ou a senha estão errados
    QUANDO entro na loja sem apresentar nada
    ENTÃO a loja recusa porque o nome ou a senha estão errados

Não entrar com o que não é nome e senha
    [Modelo]    Não se entra apresentando "${credencial}"
    Basic
    Basic !!!
    Basic YW5h
    Bearer YW5hOnNlbmhh

O token vale até sair
    DADO que entrei na loja
    QUANDO uso a loja
    ENTÃO a loja me atende
    QUANDO saio da loja
    ENTÃO a loja confirma
    QUANDO uso a loja
    ENTÃO a loja recusa porque não entrei
    QUANDO saio da loja
    ENTÃO a loja recusa porque não entrei

Não usar a loja sem um token que valha
    QUANDO uso a loja sem ter entrado
    ENTÃO a loja recusa porque não entrei
    QUANDO uso a loja com um token inventado
    ENTÃO a loja recusa porque não entrei

Não usar a loja com o que não é token
    [Modelo]    Não se usa a loja apresentando "${credencial}"
    Bearer
    Basic YW5hOnNlbmhh
    Token ABCDEF
