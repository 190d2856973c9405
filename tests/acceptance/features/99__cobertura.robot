Language: pt-BR

*** Configurações ***
Nome    Cobertura
Documentação    Vem por último, e só vale depois de todas as outras: nada do que o sistema sabe fazer ficou por pedir.
Recurso    ../steps/cobertura.resource
Finalização de Teste    Desfazer o que foi feito
Finalização de Suíte    O administrador sai

*** Casos de Teste ***
Toda operação foi pedida com sucesso e foi recusada
    DADO que o sistema descreve o que sabe fazer
    E que sei se os dados estão num arquivo
    QUANDO comparo com o que esta execução pediu
    ENTÃO tudo foi pedido com sucesso, e recusado onde se recusa
