Language: pt-BR

*** Configurações ***
Nome    Membros
Documentação    Membros: cadastrar-se, entrar, e ver a si mesmo ou, sendo administrador, a todos.
Recurso    ../steps/membros.resource
Finalização de Teste    Desfazer o que foi feito
Finalização de Suíte    O administrador sai

*** Casos de Teste ***
Cadastrar-se e entrar
    DADO que escolhi um email e uma senha
    QUANDO me cadastro
    ENTÃO o cadastro é feito
    QUANDO entro como membro
    ENTÃO os membros me recebem como "user"

Cadastrar-se com o corpo em qualquer forma
    [Modelo]    Cadastra-se mandando "${corpo}" como "${tipo}"
    {"email": "EMAIL", "password": "SENHA"}    application/json
    {"email": "EMAIL", "password": "SENHA"}    text/plain
    email=EMAIL&password=SENHA    application/x-www-form-urlencoded
    user:EMAIL,SENHA    text/plain
    user:EMAIL,SENHA    application/json

Entrar com o corpo em qualquer forma
    [Inicialização]    que sou membro
    [Modelo]    Entra-se mandando "${corpo}" como "${tipo}"
    {"email": "EMAIL", "password": "SENHA"}    application/json
    {"email": "EMAIL", "password": "SENHA"}    application/x-www-form-urlencoded
    email=EMAIL&password=SENHA    application/x-www-form-urlencoded
    password=SENHA&email=EMAIL    text/plain
    user:EMAIL,SENHA    text/plain
    user:EMAIL,SENHA    application/json
    user:EMAIL,SENHA,e o que vier depois    text/plain

Não entrar com o que não tem a forma
    [Inicialização]    que escolhi um email e uma senha
    [Modelo]    Não se entra mandando "${corpo}" como "${tipo}"
    bom dia    text/plain
    {"email": "EMAIL"}    application/json
    {"email": "EMAIL", "password": 7}    application/json
    {"email": "EMAIL", "password": "SENHA"    application/json
    \[1]    application/json
    email=EMAIL    application/x-www-form-urlencoded
    user:EMAIL    text/plain

Não entrar com a senha errada nem sem cadastro
    DADO que sou membro
    QUANDO entro como membro com a senha errada
    ENTÃO os membros recusam porque o login falhou
    DADO que escolhi um email e uma senha
    QUANDO entro como membro
    ENTÃO os membros recusam porque o login falhou

Não se cadastrar duas vezes
    DADO que sou membro
    QUANDO me cadastro
    ENTÃO os membros recusam porque o email já tem dono
    QUANDO me cadastro com o email em letras maiúsculas
    ENTÃO os membros recusam porque o email já tem dono

Não se cadastrar com dados inválidos
    [Modelo]    Não se cadastra quem tem "${campo}" que é "${valor}"
    email    vazio
    email    o texto a
    email    nada
    email    o número 7
    email    o texto com espaço@exemplo.org
    password    vazio
    password    o texto a
    password    nada
    password    o número 123456

Um membro vê só a si
    DADO que entrei como membro
    QUANDO peço para ver os membros
    ENTÃO vejo só a mim
    QUANDO peço para ver os membros como um navegador, que guarda um cookie
    ENTÃO vejo só a mim

Um administrador vê a todos
    DADO que sou administrador entre os membros
    QUANDO entro como membro
    ENTÃO os membros me recebem como "admin"
    QUANDO peço para ver os membros
    ENTÃO vejo todos, e ninguém vê senhas

Sem entrar não se vê ninguém
    QUANDO peço para ver os membros sem ter entrado
    ENTÃO os membros recusam porque não entrei
    QUANDO peço para ver os membros com um token inventado
    ENTÃO os membros recusam porque não entrei

Uma senha nova encerra o que estava aberto
    DADO que entrei como membro
    QUANDO mudam a minha senha
    E peço para ver os membros
    ENTÃO os membros recusam porque não entrei
    QUANDO peço para ver os membros como um navegador, que guarda um cookie
    ENTÃO os membros recusam porque não entrei
    QUANDO entro como membro
    ENTÃO os membros recusam porque o login falhou

O servidor diz como está
    QUANDO pergunto como está o servidor
    ENTÃO o servidor diz que está de pé
