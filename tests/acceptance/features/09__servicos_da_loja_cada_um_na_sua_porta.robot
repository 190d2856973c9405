Language: pt-BR

*** Configurações ***
Nome    Serviços da loja, cada um na sua porta
Documentação    Os quatro serviços da loja, cada um na sua porta: o mesmo que na porta única.
Recurso    ../steps/contas_da_loja.resource
Configuração da Suíte    Entrar na loja pelas portas de cada serviço
Finalização de Suíte    Sair da loja e desativar a conta
Inicialização de Teste    Começar sem nada
Finalização de Teste    Desfazer o que foi feito

*** Casos de Teste ***
Clientes na sua porta
    DADO que existe um cliente
    QUANDO busco o cliente
    ENTÃO recebo o cliente como foi cadastrado
    QUANDO listo os clientes
    ENTÃO o cliente está na lista
    QUANDO pergunto se o cliente existe
    ENTÃO o cliente existe
    QUANDO mudo todos os dados do cliente
    ENTÃO a loja confirma
    E a busca mostra o cliente mudado
    QUANDO peço para cadastrar outro cliente com o mesmo "cpf"
    ENTÃO a loja recusa porque já é de outro
    QUANDO excluo o cliente se ainda estiver como o vi
    ENTÃO a loja confirma
    QUANDO pergunto se o cliente existe
    ENTÃO o cliente não existe
    QUANDO mudo todos os dados do cliente
    ENTÃO a loja recusa porque não existe

Endereços na porta dos clientes
    DADO que existe um endereço
    QUANDO listo os endereços do cliente
    ENTÃO o cliente tem só esse endereço
    QUANDO listo os endereços
    ENTÃO o endereço está na lista
    QUANDO mudo todos os dados do endereço
    ENTÃO a loja confirma
    E o cliente tem só o endereço mudado
    QUANDO excluo o endereço se ainda estiver como o vi
    ENTÃO a loja recusa porque mudou nesse meio tempo
    QUANDO peço para excluir o endereço
    ENTÃO a loja confirma
    QUANDO peço para excluir o endereço
    ENTÃO a loja recusa porque não existe

Produtos na sua porta
    DADO que existe um produto
    QUANDO busco o produto
    ENTÃO recebo o produto como foi cadastrado
    QUANDO listo os produtos
    ENTÃO o produto está na lista
    QUANDO pergunto se o produto existe
    ENTÃO o produto existe
    QUANDO mudo todos os dados do produto
    ENTÃO a loja confirma
    E a busca mostra o produto mudado
    QUANDO peço para cadastrar outro produto com o mesmo "name"
    ENTÃO a loja recusa porque já é de outro
    QUANDO peço para excluir o produto
    ENTÃO a loja confirma
    QUANDO busco o produto
    ENTÃO a loja recusa porque não existe

Inventário na sua porta
    DADO que existe uma compra
    QUANDO listo as compras do cliente
    ENTÃO o cliente tem só essa compra
    QUANDO listo as compras do cliente pelo outro nome
    ENTÃO o cliente tem só essa compra
    QUANDO peço para excluir a compra
    ENTÃO a loja confirma
    QUANDO peço para excluir a compra
    ENTÃO a loja recusa porque não existe
    DADO que existe uma compra
    QUANDO excluo todas as compras do produto
    ENTÃO a loja confirma
    QUANDO excluo todas as compras do cliente pelo outro nome
    ENTÃO a loja confirma
    QUANDO listo as compras do cliente
    ENTÃO a lista está vazia

Contas na sua porta
    DADO que escolhi um nome e uma senha
    QUANDO crio uma conta
    ENTÃO a conta é criada
    QUANDO crio uma conta
    ENTÃO a loja recusa porque já é de outro
    QUANDO entro na loja com a senha errada
    ENTÃO a loja recusa porque o nome ou a senha estão errados
    QUANDO entro na loja
    ENTÃO a loja me dá um token
    QUANDO uso a loja
    ENTÃO a loja me atende
    QUANDO saio da loja
    ENTÃO a loja confirma
    QUANDO uso a loja
    ENTÃO a loja recusa porque não entrei

Contas na sua porta, pelos outros nomes
    DADO que escolhi um nome e uma senha
    QUANDO crio uma conta pelo outro nome
    ENTÃO a conta é criada
    QUANDO crio uma conta pelo outro nome
    ENTÃO a loja recusa porque já é de outro
    QUANDO entro pelo outro nome com a senha errada
    ENTÃO a loja recusa porque o nome ou a senha estão errados
    QUANDO entro na loja pelo outro nome
    ENTÃO a loja me dá um token
    QUANDO saio da loja pelo outro nome
    ENTÃO a loja confirma
    QUANDO saio da loja pelo outro nome
    ENTÃO a loja recusa porque não entrei

Os serviços dizem que estão de pé a quem não entrou
    [Modelo]    O serviço ${serviço} diz em ${caminho} que está de pé
    clients    /clients/health
    clients    /address/health
    products    /products/health
    inventory    /inventory/health
    auth    /user/health
    auth    /users/health

Sem entrar não se usa nada
    [Modelo]    Sem entrar não se pode ${ação}
    cadastrar cliente
    buscar cliente
    listar clientes
    atualizar cliente
    excluir cliente
    perguntar por cliente
    cadastrar endereço
    listar endereços
    listar endereços do cliente
    atualizar endereço
    excluir endereço
    cadastrar produto
    buscar produto
    listar produtos
    atualizar produto
    excluir produto
    perguntar por produto
    cadastrar compra
    listar compras
    listar compras pelo outro nome
    excluir compra
    excluir compras
    excluir compras pelo outro nome
    sair da loja
    sair da loja pelo outro nome

Quem saiu não usa mais nada
    [Modelo]    Com uma entrada que acabou não se pode ${ação}
    cadastrar cliente
    buscar cliente
    listar clientes
    atualizar cliente
    excluir cliente
    perguntar por cliente
    cadastrar endereço
    listar endereços
    listar endereços do cliente
    atualizar endereço
    excluir endereço
    cadastrar produto
    buscar produto
    listar produtos
    atualizar produto
    excluir produto
    perguntar por produto
    cadastrar compra
    listar compras
    listar compras pelo outro nome
    excluir compra
    excluir compras
    excluir compras pelo outro nome
    sair da loja
    sair da loja pelo outro nome
