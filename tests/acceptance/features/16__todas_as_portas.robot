Language: pt-BR

*** Configurações ***
Nome    Todas as portas
Documentação    Uma conta, todas as portas: quem tem uma entra em todas, e o que acaba numa acaba em todas.
Recurso    ../steps/portas.resource
Finalização de Teste    Desfazer o que foi feito
Finalização de Suíte    O administrador sai

*** Casos de Teste ***
A conta feita na loja entra em todas as portas
    DADO que tenho uma conta feita na loja
    QUANDO entro na loja
    ENTÃO estou dentro
    E sou atendido na loja
    QUANDO entro nos membros
    ENTÃO estou dentro
    E sou atendido nos membros
    QUANDO entro no WAY
    ENTÃO estou dentro
    E sou atendido no WAY
    QUANDO entro na administração
    ENTÃO estou dentro
    E cada sessão só vale na porta em que a recebi

A conta feita em outra porta entra em todas também
    [Modelo]    A conta feita ${onde} entra em todas as portas
    nos membros
    no WAY
    na administração

Sair de uma porta não encerra as outras
    DADO que tenho uma conta feita na loja
    E que entrei em todas as portas
    QUANDO saio da loja
    ENTÃO não sou mais atendido na loja
    E sou atendido nos membros
    E sou atendido no WAY

Uma senha nova encerra tudo, e a antiga não entra mais
    DADO que tenho uma conta feita nos membros
    E que entrei em todas as portas
    QUANDO mudam a senha da conta
    ENTÃO não sou mais atendido em nenhuma porta
    QUANDO entro na loja
    ENTÃO fico de fora
    QUANDO entro nos membros
    ENTÃO fico de fora
    QUANDO entro no WAY
    ENTÃO fico de fora
    QUANDO entro na administração
    ENTÃO fico de fora

A senha mudada no WAY vale em todas as portas
    DADO que tenho uma conta feita nos membros
    E que entrei em todas as portas
    QUANDO mudo a minha senha no WAY
    ENTÃO sou atendido no WAY
    E não sou mais atendido na loja
    E não sou mais atendido nos membros
    QUANDO entro na loja
    ENTÃO estou dentro
    QUANDO entro nos membros
    ENTÃO estou dentro

Uma função nova encerra tudo, e a conta entra de novo
    DADO que tenho uma conta feita na loja
    E que entrei em todas as portas
    QUANDO mudam a função da conta
    ENTÃO não sou mais atendido em nenhuma porta
    QUANDO entro na administração
    ENTÃO estou dentro
    E sou atendido na administração

Uma conta desativada não entra em nenhuma porta
    DADO que tenho uma conta feita na loja
    E que entrei em todas as portas
    QUANDO desativam a conta
    ENTÃO não sou mais atendido em nenhuma porta
    QUANDO entro na loja
    ENTÃO fico de fora
    QUANDO entro nos membros
    ENTÃO fico de fora
    QUANDO entro no WAY
    ENTÃO fico de fora
    QUANDO entro na administração
    ENTÃO fico de fora
    QUANDO reativam a conta
    E entro na loja
    ENTÃO estou dentro

As sessões que a administração encerra morrem em todas as portas
    DADO que tenho uma conta feita na loja
    E que entrei em todas as portas
    QUANDO encerram todas as sessões da conta
    ENTÃO não sou mais atendido em nenhuma porta
    QUANDO entro na loja
    ENTÃO estou dentro

Quem erra demais espera, em todas as portas
    DADO que tenho uma conta feita na loja
    QUANDO erro a senha "10" vezes na loja
    E entro na loja
    ENTÃO a loja me manda esperar
    QUANDO entro no WAY
    ENTÃO o WAY não diz que é por esperar
