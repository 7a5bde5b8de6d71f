"""The little that the mock knows of the world, so that common questions get the answer everybody expects."""

from __future__ import annotations

from .stems import stem, word_set

CAPITALS = {
    "argentina": "Buenos Aires", "australia": "Canberra", "austria": "Vienna", "belgium": "Brussels",
    "brazil": "Brasília", "canada": "Ottawa", "chile": "Santiago", "china": "Beijing", "colombia": "Bogotá",
    "croatia": "Zagreb", "cuba": "Havana", "czech republic": "Prague", "denmark": "Copenhagen", "egypt": "Cairo",
    "england": "London", "ethiopia": "Addis Ababa", "finland": "Helsinki", "france": "Paris", "germany": "Berlin",
    "ghana": "Accra", "greece": "Athens", "hungary": "Budapest", "iceland": "Reykjavik", "india": "New Delhi",
    "indonesia": "Jakarta", "iran": "Tehran", "ireland": "Dublin", "israel": "Jerusalem", "italy": "Rome",
    "japan": "Tokyo", "kenya": "Nairobi", "mexico": "Mexico City", "morocco": "Rabat", "netherlands": "Amsterdam",
    "new zealand": "Wellington", "nigeria": "Abuja", "norway": "Oslo", "peru": "Lima", "philippines": "Manila",
    "poland": "Warsaw", "portugal": "Lisbon", "romania": "Bucharest", "russia": "Moscow", "scotland": "Edinburgh",
    "serbia": "Belgrade", "singapore": "Singapore", "south korea": "Seoul", "spain": "Madrid", "sweden": "Stockholm",
    "switzerland": "Bern", "thailand": "Bangkok", "turkey": "Ankara", "uk": "London", "ukraine": "Kyiv",
    "united kingdom": "London", "united states": "Washington, D.C.", "us": "Washington, D.C.",
    "usa": "Washington, D.C.", "vietnam": "Hanoi", "wales": "Cardiff",
}  # fmt: skip

CITIES = frozenset(CAPITALS.values()) | {
    "Atlanta", "Auckland", "Austin", "Barcelona", "Bengaluru", "Birmingham", "Boston", "Chicago", "Cologne",
    "Dallas", "Delhi", "Denver", "Dubai", "Florence", "Frankfurt", "Geneva", "Glasgow", "Hamburg", "Hong Kong",
    "Houston", "Istanbul", "Johannesburg", "Kyoto", "Lagos", "Las Vegas", "Los Angeles", "Lyon", "Manchester",
    "Melbourne", "Miami", "Milan", "Montreal", "Mumbai", "Munich", "Naples", "New York", "New York City", "Osaka",
    "Philadelphia", "Phoenix", "Portland", "Porto", "Rio de Janeiro", "San Diego", "San Francisco", "San Jose",
    "Seattle", "Shanghai", "Sydney", "São Paulo", "Toronto", "Vancouver", "Venice", "Washington", "Zurich",
}  # fmt: skip

FACTS: tuple[tuple[frozenset[str], str], ...] = tuple(
    (frozenset(stem(word) for word in words.split()), answer)
    for words, answer in (
        ("planet human live", "Humans live on the planet Earth."),
        ("planet ring", "That is Saturn, the planet best known for its bright rings of ice and rock."),
        ("planet larg", "Jupiter is the largest planet in the solar system."),
        ("planet small", "Mercury is the smallest planet in the solar system."),
        ("planet close sun", "Mercury is the planet closest to the Sun."),
        ("planet red", "Mars is called the red planet, because of the iron oxide in its soil."),
        ("many planet", "There are 8 planets in the solar system."),
        ("name sun latin", 'The Latin name for the Sun is "Sol".'),
        ("name moon latin", 'The Latin name for the Moon is "Luna".'),
        ("speed light", "The speed of light in a vacuum is 299,792,458 metres per second."),
        ("boil point water", "At sea level, water boils at 100 °C (212 °F)."),
        ("freez point water", "Water freezes at 0 °C (32 °F)."),
        ("many continent", "There are 7 continents."),
        ("many day week", "There are 7 days in a week."),
        ("many day year", "There are 365 days in a year, and 366 in a leap year."),
        ("many hour day", "There are 24 hours in a day."),
        ("many minut hour", "There are 60 minutes in an hour."),
        ("mountain tall", "Mount Everest is the tallest mountain above sea level, at 8,849 metres."),
        ("mountain high", "Mount Everest is the highest mountain above sea level, at 8,849 metres."),
        ("river long", "The Nile is usually named as the longest river, with the Amazon close behind."),
        ("ocean larg", "The Pacific Ocean is the largest ocean."),
        ("color sky", "The sky is blue on a clear day, because air scatters blue light more than red."),
        ("colour sky", "The sky is blue on a clear day, because air scatters blue light more than red."),
        ("sky blue", "The sky is blue because air scatters short, blue wavelengths of sunlight more than long ones."),
        ("wrote hamlet", "William Shakespeare wrote Hamlet."),
        ("wrote romeo juliet", "William Shakespeare wrote Romeo and Juliet."),
        ("wrote 1984", "George Orwell wrote 1984."),
        ("wrote pride prejudic", "Jane Austen wrote Pride and Prejudice."),
        ("paint mona lisa", "Leonardo da Vinci painted the Mona Lisa."),
        ("winni pooh human friend", "Christopher Robin"),
        ("meaning life", "People answer it differently; a famous novel settles on 42."),
        ("symbol gold", "The chemical symbol for gold is Au."),
        ("symbol water", "The chemical formula of water is H2O."),
        ("invent telephon", "Alexander Graham Bell is credited with inventing the telephone."),
        ("land moon", "Apollo 11 landed on the Moon on 20 July 1969."),
    )
)
FACT_WORDS = frozenset[str]().union(*(needed for needed, _ in FACTS))
"""The words of which a question has some that asks for a fact."""

GLOSSARY = {
    "apache spark": (
        "Apache Spark is an open-source engine that spreads the processing of large data sets over a "
        "cluster and keeps intermediate results in memory where it can."
    ),
    "databricks": (
        "Databricks is a data and AI platform built around Apache Spark, Delta Lake and MLflow, on which "
        "teams prepare data, train models and put them into production."
    ),
    "mlflow": (
        "MLflow is an open-source tool that records machine learning experiments, packages models and moves "
        "them through their life, from a notebook to a serving endpoint."
    ),
    "delta lake": (
        "Delta Lake is a storage layer that adds ACID transactions, versions and schema enforcement to "
        "files in a data lake."
    ),
    "unity catalog": (
        "Unity Catalog is Databricks' single place for governing data, models and functions, with "
        "permissions and lineage."
    ),
    "lakehouse": (
        "A lakehouse keeps data in the open files of a data lake and gives it the reliability and speed of a warehouse."
    ),
    "model serving": (
        "Model serving puts a trained model behind an HTTP endpoint, so that applications can ask it for "
        "predictions and the platform takes care of scaling."
    ),
    "retrieval-augmented generation": (
        "Retrieval-augmented generation looks up passages that fit a question and hands them to a language "
        "model, so that its answer rests on those passages."
    ),
    "embedding": (
        "An embedding is a list of numbers that stands for a text, arranged so that similar texts lie close together."
    ),
    "embeddings": (
        "Embeddings are lists of numbers that stand for texts, arranged so that similar texts lie close together."
    ),
    "vector search": "Vector search finds the entries whose embeddings lie nearest to the embedding of a query.",
    "large language model": (
        "A large language model is a neural network trained on a great deal of text to predict what comes "
        "next, which lets it write, summarise and answer questions."
    ),
    "machine learning": (
        "Machine learning is the craft of letting a program find patterns in examples, so that it can make "
        "predictions about cases it has not seen."
    ),
    "artificial intelligence": (
        "Artificial intelligence is the field that builds systems which do things we would call intelligent "
        "in a person, such as understanding language or planning."
    ),
    "neural network": (
        "A neural network is a model made of layers of simple weighted units, whose weights are adjusted "
        "until its outputs fit the training examples."
    ),
    "transformer": (
        "A transformer is a neural network that weighs every part of its input against every other part, a "
        "step called attention."
    ),
    "python": (
        "Python is a general-purpose programming language known for readable syntax and a very large set of libraries."
    ),
    "sql": "SQL is the language in which relational databases are queried and changed.",
    "docker": (
        "Docker packages an application with everything it needs into an image that runs the same way everywhere."
    ),
    "kubernetes": "Kubernetes runs containers over a group of machines and restarts, scales and connects them.",
    "api": "An API is the agreed set of calls by which one program asks another for data or work.",
    "rest": (
        "REST is a style of web API in which resources have addresses and are read and changed with HTTP methods."
    ),
    "json": "JSON is a text format for data made of objects, lists, strings, numbers, booleans and null.",
    "photosynthesis": (
        "Photosynthesis is the process by which plants use light to turn water and carbon dioxide into "
        "sugar and oxygen."
    ),
    "gravity": (
        "Gravity is the attraction between masses; near the Earth it gives falling things an acceleration "
        "of about 9.8 metres per second squared."
    ),
    "quantum computing": (
        "Quantum computing calculates with qubits, which can be in several states at once, and is suited to "
        "a few problems that ordinary computers find hard."
    ),
    "blockchain": (
        "A blockchain is a ledger kept by many parties, in which each block of entries seals the one before it."
    ),
    "recursion": (
        "Recursion is solving a problem by having a function call itself on a smaller version of that problem."
    ),
    "git": (
        "Git is a version control system that records snapshots of a project and lets people work on it in parallel."
    ),
}
GLOSSARY["spark"] = GLOSSARY["apache spark"]
GLOSSARY["rag"] = GLOSSARY["retrieval-augmented generation"].replace("Retrieval", "RAG, retrieval", 1)
GLOSSARY["llm"] = GLOSSARY["large language model"].replace("A large", "An LLM, a large", 1)
GLOSSARY["ai"] = GLOSSARY["artificial intelligence"].replace("Artificial", "AI, artificial", 1)

PHRASES: dict[str, dict[str, str]] = {
    "french": {
        "hello": "bonjour", "good morning": "bonjour", "good night": "bonne nuit", "goodbye": "au revoir",
        "thank you": "merci", "please": "s'il vous plaît", "yes": "oui", "no": "non",
        "how are you": "comment allez-vous",
        "hello world": "bonjour le monde", "i love you": "je t'aime", "cat": "chat", "dog": "chien", "water": "eau",
        "house": "maison", "book": "livre", "friend": "ami", "bread": "pain", "the": "le", "is": "est", "and": "et",
        "my": "mon", "i": "je", "red": "rouge", "blue": "bleu", "big": "grand", "small": "petit", "good": "bon",
    },
    "spanish": {
        "hello": "hola", "good morning": "buenos días", "good night": "buenas noches", "goodbye": "adiós",
        "thank you": "gracias", "please": "por favor", "yes": "sí", "no": "no", "how are you": "¿cómo estás?",
        "hello world": "hola mundo", "i love you": "te quiero", "cat": "gato", "dog": "perro", "water": "agua",
        "house": "casa", "book": "libro", "friend": "amigo", "bread": "pan", "the": "el", "is": "es", "and": "y",
        "my": "mi", "i": "yo", "red": "rojo", "blue": "azul", "big": "grande", "small": "pequeño", "good": "bueno",
    },
    "german": {
        "hello": "hallo", "good morning": "guten Morgen", "good night": "gute Nacht", "goodbye": "auf Wiedersehen",
        "thank you": "danke", "please": "bitte", "yes": "ja", "no": "nein", "how are you": "wie geht es Ihnen?",
        "hello world": "hallo Welt", "i love you": "ich liebe dich", "cat": "Katze", "dog": "Hund", "water": "Wasser",
        "house": "Haus", "book": "Buch", "friend": "Freund", "bread": "Brot", "the": "das", "is": "ist", "and": "und",
        "my": "mein", "i": "ich", "red": "rot", "blue": "blau", "big": "groß", "small": "klein", "good": "gut",
    },
    "italian": {
        "hello": "ciao", "good morning": "buongiorno", "good night": "buonanotte", "goodbye": "arrivederci",
        "thank you": "grazie", "please": "per favore", "yes": "sì", "no": "no", "how are you": "come stai?",
        "hello world": "ciao mondo", "i love you": "ti amo", "cat": "gatto", "dog": "cane", "water": "acqua",
        "house": "casa", "book": "libro", "friend": "amico", "bread": "pane", "the": "il", "is": "è", "and": "e",
        "my": "mio", "i": "io", "red": "rosso", "blue": "blu", "big": "grande", "small": "piccolo", "good": "buono",
    },
    "portuguese": {
        "hello": "olá", "good morning": "bom dia", "good night": "boa noite", "goodbye": "adeus",
        "thank you": "obrigado", "please": "por favor", "yes": "sim", "no": "não", "how are you": "como está?",
        "hello world": "olá mundo", "i love you": "eu te amo", "cat": "gato", "dog": "cão", "water": "água",
        "house": "casa", "book": "livro", "friend": "amigo", "bread": "pão", "the": "o", "is": "é", "and": "e",
        "my": "meu", "i": "eu", "red": "vermelho", "blue": "azul", "big": "grande", "small": "pequeno", "good": "bom",
    },
    "japanese": {
        "hello": "こんにちは", "good morning": "おはようございます", "good night": "おやすみなさい",
        "goodbye": "さようなら",
        "thank you": "ありがとうございます", "please": "お願いします", "yes": "はい", "no": "いいえ",
        "how are you": "お元気ですか", "hello world": "こんにちは世界", "cat": "猫", "dog": "犬", "water": "水",
        "house": "家", "book": "本", "friend": "友達", "i love you": "愛しています",
    },
}  # fmt: skip

POSITIVE = word_set(
    "amazing awesome beautiful best brilliant delicious delighted enjoy enjoyed excellent excited fantastic "
    "fast fun glad "
    "good great happy helpful impressed incredible like liked love loved lovely nice outstanding perfect "
    "pleased pleasant "
    "recommend reliable satisfied smooth superb tasty thank thanks thrilled wonderful works"
)
NEGATIVE = word_set(
    "angry annoying avoid awful bad boring broke broken bug confusing crash crashed dirty disappointed disappointing "
    "disappointment dreadful dull expensive fail failed fails frustrated frustrating hate hated horrible late "
    "mess never "
    "poor refund regret rude sad slow terrible ugly unhappy unreliable upset useless waste worse worst wrong"
)

MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
    "December",
)  # fmt: skip
WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
