Language: pt-BR

*** Configurações ***
Nome    Portas da loja
Documentação    O que vale para todos os serviços da loja, na porta única.
Recurso    ../steps/contas_da_loja.resource
Configuração da Suíte    Entrar na loja com uma conta nova e guardar um token morto
Finalização de Suíte    Sair da loja e desativar a conta
Inicialização de Teste    Começar sem nada
Finalização de Teste    Desfazer o que foi feito

*** Casos de Teste ***
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
