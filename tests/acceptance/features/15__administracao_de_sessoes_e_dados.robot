Language: pt-BR

*** Configurações ***
Nome    Administração de sessões e dados
Documentação    Administração: sessões, mudanças, exportação e importação, o arquivo, a saúde e os números.
Recurso    ../steps/administracao_dados.resource
Finalização de Teste    Desfazer o que foi feito
Finalização de Suíte    O administrador sai

*** Casos de Teste ***
Ver e encerrar uma sessão
    DADO que sou administrador
    E que existe uma conta que entrou no WAY
    QUANDO listo as sessões da conta
    ENTÃO há só a sessão do WAY, e o token não se vê
    QUANDO encerro a sessão
    ENTÃO a administração confirma sem mais palavras
    E a sessão do "dono da conta" acabou
    QUANDO encerro a sessão
    ENTÃO a administração recusa porque não existe

Encerrar todas as sessões de uma conta
    DADO que sou administrador
    E que existe uma conta que entrou no WAY
    QUANDO encerro todas as sessões da conta
    ENTÃO foi encerrada "1" sessão
    E a sessão do "dono da conta" acabou
    QUANDO encerro todas as sessões da conta de id "9223372036854775807"
    ENTÃO a administração recusa porque não existe
    QUANDO encerro todas as sessões sem dizer de quem
    ENTÃO a administração recusa por causa de "account_id", porque algo está errado nos dados

Ver o que mudou
    DADO que sou administrador
    E que existe uma conta
    QUANDO pergunto o que mudou desde antes da conta
    ENTÃO a primeira mudança é a criação da conta, e a senha não se vê

Não ver o que mudou sem dizer desde quando
    DADO que sou administrador
    QUANDO pergunto o que mudou com ""
    ENTÃO a administração recusa por causa de "since", porque algo está errado nos dados
    QUANDO pergunto o que mudou com "?since=ontem"
    ENTÃO a administração recusa por causa de "since", porque algo está errado nos dados
    QUANDO pergunto o que mudou com "?since=0&limit=0"
    ENTÃO a administração recusa por causa de "limit", porque algo está errado nos dados

O que se exporta pode ser importado de volta
    DADO que sou administrador
    E que existe uma mensagem
    QUANDO exporto tudo
    ENTÃO na exportação está a mensagem, e não estão sessões nem senhas
    QUANDO importo a mensagem exportada
    ENTÃO a importação é recusada pela linha "1"
    QUANDO deleto a mensagem
    E importo a mensagem exportada
    ENTÃO foi importada "1" mensagem
    QUANDO mostro a mensagem
    ENTÃO vejo só essa mensagem

Os hashes das senhas só se exportam a pedido
    DADO que sou administrador
    E que existe uma conta
    QUANDO exporto com "?secrets=yes"
    ENTÃO na exportação está o hash da senha da conta
    QUANDO exporto com "?secrets=talvez"
    ENTÃO a administração recusa por causa de "secrets", porque algo está errado nos dados

Não importar o que não é registro
    DADO que sou administrador
    QUANDO importo "\n\nbom dia\n"
    ENTÃO a importação é recusada pela linha "3"
    QUANDO importo "{"kind": "Nada", "id": 1}"
    ENTÃO a importação é recusada pela linha "1"

Verificar e copiar o arquivo
    DADO que sou administrador
    QUANDO peço para verificar o arquivo
    ENTÃO o arquivo está são, ou me dizem que não há arquivo
    QUANDO peço uma cópia do arquivo
    ENTÃO recebo um arquivo do SQLite, ou me dizem que não há arquivo

Qualquer um vê a saúde do sistema
    QUANDO pergunto pela saúde do sistema
    ENTÃO todas as portas escutam e os dados estão ao alcance

Qualquer um vê os números do sistema
    QUANDO conto as vezes que "users.get" deu "not_found" em "users"
    E busco um usuário que não existe
    E conto as vezes que "users.get" deu "not_found" em "users"
    ENTÃO contei pelo menos uma vez a mais

Ver a descrição do sistema
    DADO que sou administrador
    QUANDO peço a descrição do sistema
    ENTÃO recebo uma descrição de OpenAPI
