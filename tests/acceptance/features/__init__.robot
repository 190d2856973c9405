Language: pt-BR

*** Configurações ***
Nome    Aceitação
Documentação    O sistema inteiro, porta por porta, como o usa quem não o conhece por dentro.
Recurso    ../steps/inicio.resource
Configuração da Suíte    Ver se há quem responda
