Language: pt-BR

*** Configurações ***
Nome    Administração de contas e empresas
Documentação    Administração: entrar, e cuidar de contas e empresas. Só para administradores.
Recurso    ../steps/administracao.resource
Inicialização de Teste    que sou administrador
Finalização de Teste    Desfazer o que foi feito
Finalização de Suíte    O administrador sai

*** Casos de Teste ***
Entrar e sair
    DADO que existe uma conta
    QUANDO mudo da conta "role" para "o texto admin"
    E entro na administração como o dono da conta
    ENTÃO a administração me dá um token
    QUANDO busco a conta
    ENTÃO a administração confirma
    QUANDO saio da administração
    ENTÃO a administração confirma sem mais palavras
    QUANDO busco a conta
    ENTÃO a administração recusa porque não entrei
    QUANDO saio da administração
    ENTÃO a administração recusa porque não entrei

Não entrar com a senha errada
    DADO que existe uma conta
    QUANDO entro na administração com a senha errada
    ENTÃO a administração recusa porque não entrei
    QUANDO entro na administração com a senha sendo "nada"
    ENTÃO a administração recusa porque algo está errado nos dados

Sem entrar não se administra nada
    [Modelo]    Sem entrar não se pode ${ação}
    listar contas
    criar conta
    buscar conta
    mudar conta
    desativar conta pelo id
    listar empresas
    criar empresa
    buscar empresa
    mudar empresa
    desativar empresa pelo id
    listar sessões
    encerrar sessão
    encerrar sessões
    listar mudanças
    exportar
    importar
    verificar o arquivo
    copiar o arquivo
    ver a descrição

Quem não é administrador não administra nada
    [Inicialização]    Run Keywords    que sou administrador    AND    que existe uma conta
    ...    AND    entro na administração como o dono da conta    AND    a administração me dá um token
    [Modelo]    Quem não é administrador não pode ${ação}
    listar contas
    criar conta
    buscar conta
    mudar conta
    desativar conta pelo id
    listar empresas
    criar empresa
    buscar empresa
    mudar empresa
    desativar empresa pelo id
    listar sessões
    encerrar sessão
    encerrar sessões
    listar mudanças
    exportar
    importar
    verificar o arquivo
    copiar o arquivo
    ver a descrição

Criar e ver uma conta
    DADO que existe uma empresa
    E que tenho os dados de uma conta
    QUANDO crio a conta com "role" sendo "o texto admin"
    ENTÃO a conta é criada
    QUANDO busco a conta
    ENTÃO recebo a conta
    QUANDO listo as contas a partir da minha
    ENTÃO a lista tem só a minha conta

Criar e ver uma empresa
    DADO que tenho os dados de uma empresa
    QUANDO crio a empresa
    ENTÃO a empresa é criada
    QUANDO busco a empresa
    ENTÃO recebo a empresa
    QUANDO listo as empresas a partir da minha
    ENTÃO a lista tem só a minha empresa

Não criar uma conta com dados inválidos
    [Modelo]    Não se cria uma conta quando "${campo}" é "${valor}"
    login    vazio
    login    o texto a
    login    o texto ana maria
    login    o texto ana:maria
    login    o texto ana,maria
    login    o número 7
    login    nada
    password    vazio
    password    o texto a
    password    o número 123456
    password    nada
    role    o texto chefe
    role    nada
    company_id    o texto um
    company_id    nada
    active    o texto sim
    active    o número 1

Não criar uma empresa com dados inválidos
    [Modelo]    Não se cria uma empresa quando "${campo}" é "${valor}"
    name    vazio
    name    um texto de 201 letras
    name    o número 7
    name    nada
    active    o texto sim

Não criar o que não tem nome
    [Modelo]    Não se cria uma ${coisa} sem "${campo}"
    conta    login
    conta    password
    empresa    name

Não criar o que já existe
    DADO que existe uma conta
    QUANDO crio outra conta com o mesmo "login" em letras maiúsculas
    ENTÃO a administração recusa por causa de "login", porque já é de outro
    QUANDO crio outra empresa com o mesmo "name" em letras maiúsculas
    ENTÃO a administração recusa por causa de "name", porque já é de outro

Não criar uma conta de uma empresa que não existe
    DADO que tenho os dados de uma conta
    QUANDO crio a conta com "company_id" sendo "o número 9223372036854775807"
    ENTÃO a administração recusa por causa de "company_id", porque não existe

Mudar uma parte da conta
    DADO que existe uma conta
    QUANDO mudo da conta "role" para "o texto admin"
    ENTÃO a conta mudou só em "role"
    QUANDO mudo da conta "active" para "falso"
    ENTÃO a conta mudou só em "active"
    QUANDO mudo da conta "login" para "o texto outra_{marca}"
    ENTÃO a conta mudou só em "login"
    QUANDO mudo a conta para a outra empresa
    ENTÃO a conta mudou só em "company_id"

Mudar uma parte da empresa
    DADO que existe uma empresa
    QUANDO mudo da empresa "name" para "o texto Padaria {marca}"
    ENTÃO a empresa mudou só em "name"
    QUANDO mudo da empresa "active" para "falso"
    ENTÃO a empresa mudou só em "active"
    QUANDO mudo da empresa "active" para "verdadeiro"
    ENTÃO a empresa mudou só em "active"

Não mudar a conta com dados inválidos
    [Inicialização]    Run Keywords    que sou administrador    AND    que existe uma conta
    [Modelo]    Não se muda da conta "${campo}" para "${valor}"
    login    o texto ana maria
    password    o texto a
    role    o texto chefe
    active    nada

Não mudar o que não muda nada
    DADO que existe uma conta
    QUANDO mudo a conta sem dizer o que muda
    ENTÃO a administração recusa porque algo está errado nos dados
    QUANDO mudo a empresa sem dizer o que muda
    ENTÃO a administração recusa porque algo está errado nos dados

Mudar e desativar só o que ninguém mudou
    DADO que existe uma conta
    QUANDO mudo a conta se ainda estiver como a vi
    ENTÃO a conta está inativa
    QUANDO mudo a conta se ainda estiver como a vi
    ENTÃO a administração recusa porque mudou nesse meio tempo
    QUANDO desativo a conta se ainda estiver como a vi
    ENTÃO a administração recusa porque mudou nesse meio tempo
    QUANDO mudo a empresa se ainda estiver como a vi
    ENTÃO a empresa está inativa
    QUANDO desativo a empresa se ainda estiver como a vi
    ENTÃO a administração recusa porque mudou nesse meio tempo

Desativar uma conta e uma empresa
    DADO que existe uma conta
    QUANDO desativo a conta
    ENTÃO a conta está inativa
    QUANDO desativo a empresa
    ENTÃO a empresa está inativa

Não achar, mudar nem desativar o que não existe
    QUANDO busco a conta de id "9223372036854775807"
    ENTÃO a administração recusa porque não existe
    QUANDO mudo a conta de id "9223372036854775807"
    ENTÃO a administração recusa porque não existe
    QUANDO desativo a conta de id "9223372036854775807"
    ENTÃO a administração recusa porque não existe
    QUANDO busco a empresa de id "9223372036854775807"
    ENTÃO a administração recusa porque não existe
    QUANDO mudo a empresa de id "9223372036854775807"
    ENTÃO a administração recusa porque não existe
    QUANDO desativo a empresa de id "9223372036854775807"
    ENTÃO a administração recusa porque não existe

Não listar páginas que não há
    [Modelo]    Não se listam ${coisas} com "${busca}"
    contas    ?limit=0
    contas    ?limit=dez
    contas    ?after=um
    empresas    ?limit=1001
    empresas    ?after=1.5
    sessões    ?limit=-1
    sessões    ?account_id=um
