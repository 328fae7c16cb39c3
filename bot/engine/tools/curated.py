"""What introspection of crewai_tools cannot know: groups, dangers, needs it does not declare, and what is left out."""

from __future__ import annotations

from collections.abc import Mapping

# In the order of the catalogue. A class belongs to the first group one of whose words begins its name.
GROUPS: Mapping[str, tuple[str, ...]] = {
    "Files of a run": ("FileRead", "FileWriter", "DirectoryRead"),
    "Databases": (
        "NL2SQL",
        "MySQL",
        "SingleStore",
        "Databricks",
        "MongoDB",
        "Weaviate",
        "AzureDocumentDB",
        "DB2",
        "S3",
        "BedrockKB",
    ),
    "Code in a sandbox": ("E2B", "Daytona"),
    "Web search": (
        "SerperDev",
        "Brave",
        "Exa",
        "TavilySearch",
        "TavilyResearch",
        "TavilyGet",
        "Linkup",
        "Parallel",
        "SerpApi",
        "SerplyWebSearch",
        "SerplyNews",
        "SerplyScholar",
        "SerplyJob",
        "BrightDataSearch",
        "OxylabsGoogle",
        "OxylabsAmazonSearch",
        "FirecrawlSearch",
        "Arxiv",
    ),
    "Questions about a source": ("CodeDocs", "Github", "WebsiteSearch", "Youtube", "Contextual", "AIMind"),
    "Images": ("Vision", "OCR", "DallE"),
    "Other crews and apps": ("GenerateCrewai", "InvokeCrewAI", "BedrockInvoke"),
    "Web pages": (
        "Scrape",
        "URLRead",
        "Jina",
        "SerperScrape",
        "SerplyWebpage",
        "Firecrawl",
        "Scrapegraph",
        "Scrapfly",
        "Spider",
        "Hyperbrowser",
        "Browserbase",
        "Stagehand",
        "MultiOn",
        "Apify",
        "BrightData",
        "Oxylabs",
        "Tavily",
    ),
    "Other": ("Wait",),
}

# The groups that are off until an administrator allows them.
DANGERS: Mapping[str, str] = {
    "Files of a run": "files",
    "Databases": "database",
    "Code in a sandbox": "code",
}

# Reading a knowledge base of Amazon's asks a search service, as any other web search does.
HARMLESS = ("BedrockKBRetrieverTool",)

_SERVER_FILES = "It reads files below the directory that the bot was started in, and cannot be confined to a run's."
_OBJECT = "Its settings are Python objects, which no form can ask for."

LEFT_OUT: Mapping[str, str] = {
    **dict.fromkeys(
        (
            "CSVSearchTool",
            "ContextualAICreateAgentTool",
            "ContextualAIParseTool",
            "DOCXSearchTool",
            "DirectorySearchTool",
            "FileCompressorTool",
            "JSONSearchTool",
            "MDXSearchTool",
            "PDFSearchTool",
            "TXTSearchTool",
            "XMLSearchTool",
        ),
        _SERVER_FILES,
    ),
    **dict.fromkeys(
        (
            "ComposioTool",
            "CouchbaseFTSVectorSearchTool",
            "LlamaIndexTool",
            "OracleVectorSearchTool",
            "PatronusLocalEvaluatorTool",
            "PatronusPredefinedCriteriaEvalTool",
            "QdrantVectorSearchTool",
            "SnowflakeSearchTool",
        ),
        _OBJECT,
    ),
    "EXASearchTool": "The old name of ExaSearchTool.",
    "PatronusEvalTool": "It cannot be made while its service does not answer.",
    "MergeAgentHandlerTool": "CrewAI makes it from what Merge says about an account.",
    "EnterpriseActionTool": "CrewAI makes it from what its own platform says about an account.",
    "RagTool": "It is what the tools that answer questions about a source are made from.",
    "SeleniumScrapingTool": "It drives a browser on the server, which reaches private addresses too.",
    "ZapierActionTool": "CrewAI makes it from what Zapier says about an account.",
}

# A key would travel to whatever address is typed here, so the services' own addresses stay as they are.
ADDRESSES = frozenset(
    {
        "api_url",
        "base_url",
        "crewai_enterprise_url",
        "domain",
        "evaluate_url",
        "request_url",
        "search_url",
        "server_url",
        "proxies",
        "proxy",
    }
)
# These write into, or read from, the server's own directories, or are nobody's business.
INTERNAL = frozenset(
    {
        "allow_dml",
        "base_dir",
        "collection_name",
        "cookies",
        "custom_embedding_fn",
        "directory",
        "download_pdfs",
        "enable_logging",
        "file_path",
        "headers",
        "llm",
        "local",
        "log_failures",
        "model_api_key",
        "next_token",
        "save_dir",
        "save_file",
        "stream",
        "summarize",
        "tables",
        "use_title_as_filename",
        "verbose",
        "_testing",
    }
)
# The same words mean a setting that people decide here: the collection in the database.
DECIDED: Mapping[str, tuple[str, ...]] = {
    "AzureDocumentDBVectorSearchTool": ("collection_name",),
    "MongoDBVectorSearchTool": ("collection_name",),
    "WeaviateVectorSearchTool": ("collection_name",),
}
# What a tool is asked every time or decides itself, and no setting.
ASKED: Mapping[str, tuple[str, ...]] = {
    "BrightDataDatasetTool": ("url",),
    "BrightDataSearchTool": ("query",),
    "BrightDataWebUnlockerTool": ("url",),
    "MultiOnTool": ("session_id",),
    "WeaviateVectorSearchTool": ("query",),
}

# Constructor arguments that no field of the class stands for, offered besides its fields; all are texts.
ARGUMENTS: Mapping[str, tuple[str, ...]] = {
    "ApifyActorsTool": ("actor_name",),
    "InvokeCrewAIAutomationTool": ("crew_name", "crew_description"),
    "MySQLSearchTool": ("table_name",),
}
REQUIRED: Mapping[str, tuple[str, ...]] = {
    "ApifyActorsTool": ("actor_name",),
    "BedrockInvokeAgentTool": ("agent_id", "agent_alias_id"),
    "BedrockKBRetrieverTool": ("knowledge_base_id",),
    "GithubSearchTool": ("content_types",),
    "InvokeCrewAIAutomationTool": ("crew_name", "crew_description"),
    "MySQLSearchTool": ("table_name",),
}

# Environment variables that a tool cannot do without, where the class declares others, none, or calls them optional.
NEEDED: Mapping[str, tuple[str, ...]] = {
    "AzureDocumentDBVectorSearchTool": ("AZURE_DOCUMENTDB_CONNECTION_STRING",),
    "BrightDataSearchTool": ("BRIGHT_DATA_API_KEY", "BRIGHT_DATA_ZONE"),
    "BrightDataWebUnlockerTool": ("BRIGHT_DATA_API_KEY", "BRIGHT_DATA_ZONE"),
    "BrowserbaseLoadTool": ("BROWSERBASE_API_KEY", "BROWSERBASE_PROJECT_ID"),
    "CodeDocsSearchTool": ("OPENAI_API_KEY",),
    "DB2VectorSearchTool": ("OPENAI_API_KEY",),
    "DatabricksQueryTool": ("DATABRICKS_HOST", "DATABRICKS_TOKEN"),
    "DaytonaExecTool": ("DAYTONA_API_KEY",),
    "DaytonaFileTool": ("DAYTONA_API_KEY",),
    "DaytonaPythonTool": ("DAYTONA_API_KEY",),
    "ExaSearchTool": ("EXA_API_KEY",),
    "GithubSearchTool": ("OPENAI_API_KEY",),
    "HyperbrowserLoadTool": ("HYPERBROWSER_API_KEY",),
    "MongoDBVectorSearchTool": ("OPENAI_API_KEY",),
    "MySQLSearchTool": ("OPENAI_API_KEY",),
    "OCRTool": ("OPENAI_API_KEY",),
    "S3ReaderTool": ("CREW_AWS_ACCESS_KEY_ID", "CREW_AWS_SEC_ACCESS_KEY", "CREW_AWS_REGION"),
    "S3WriterTool": ("CREW_AWS_ACCESS_KEY_ID", "CREW_AWS_SEC_ACCESS_KEY", "CREW_AWS_REGION"),
    "ScrapegraphScrapeTool": ("SCRAPEGRAPH_API_KEY",),
    "SingleStoreSearchTool": ("SINGLESTOREDB_URL",),
    "StagehandTool": ("BROWSERBASE_API_KEY", "BROWSERBASE_PROJECT_ID", "OPENAI_API_KEY"),
    "WebsiteSearchTool": ("OPENAI_API_KEY",),
    "YoutubeChannelSearchTool": ("OPENAI_API_KEY",),
    "YoutubeVideoSearchTool": ("OPENAI_API_KEY",),
}

# Packages, by the names they are installed under, that a tool imports without declaring them.
PACKAGES: Mapping[str, tuple[str, ...]] = {
    "GithubSearchTool": ("PyGithub",),
    "MySQLSearchTool": ("pymysql",),
    "YoutubeChannelSearchTool": ("youtube-transcript-api", "pytube"),
    "YoutubeVideoSearchTool": ("youtube-transcript-api",),
}

NO_NETWORK = frozenset({"DirectoryReadTool", "FileReadTool", "FileWriterTool", "WaitTool"})

# Names that say what a tool does where the class's own name of it does not, or is another's too.
TITLES: Mapping[str, str] = {
    "AIMindTool": "Minds: questions about databases",
    "ApifyActorsTool": "Apify actor",
    "ArxivPaperTool": "Scientific papers (arXiv)",
    "AzureDocumentDBVectorSearchTool": "Search in Azure DocumentDB",
    "BedrockInvokeAgentTool": "Bedrock agent",
    "BedrockKBRetrieverTool": "Bedrock knowledge base",
    "BrightDataDatasetTool": "Bright Data datasets",
    "BrightDataSearchTool": "Bright Data web search",
    "BrightDataWebUnlockerTool": "Bright Data: read a web page",
    "BrowserbaseLoadTool": "Browserbase: read a web page",
    "CodeDocsSearchTool": "Questions about code documentation",
    "ContextualAIQueryTool": "Contextual AI: ask an agent",
    "ContextualAIRerankTool": "Contextual AI: rank documents",
    "DallETool": "DALL·E: make an image",
    "DatabricksQueryTool": "Ask Databricks with SQL",
    "DB2VectorSearchTool": "Search in Db2",
    "DirectoryReadTool": "List files",
    "ExaSearchTool": "Exa web search",
    "FileReadTool": "Read a file",
    "FileWriterTool": "Write a file",
    "FirecrawlCrawlWebsiteTool": "Firecrawl: read a whole website",
    "FirecrawlScrapeWebsiteTool": "Firecrawl: read a web page",
    "FirecrawlSearchTool": "Firecrawl web search",
    "GenerateCrewaiAutomationTool": "Make a CrewAI automation",
    "GithubSearchTool": "Questions about a GitHub repository",
    "HyperbrowserLoadTool": "Hyperbrowser: read a web page",
    "InvokeCrewAIAutomationTool": "Run a CrewAI automation",
    "JinaScrapeWebsiteTool": "Jina: read a web page",
    "LinkupSearchTool": "Linkup web search",
    "MongoDBVectorSearchTool": "Search in MongoDB",
    "MultiOnTool": "MultiOn: use a browser",
    "MySQLSearchTool": "Questions about a MySQL table",
    "NL2SQLTool": "Ask a database with SQL",
    "OCRTool": "Read text in an image",
    "OxylabsAmazonProductScraperTool": "Oxylabs: Amazon product",
    "OxylabsAmazonSearchScraperTool": "Oxylabs: Amazon search",
    "OxylabsGoogleSearchScraperTool": "Oxylabs: Google search",
    "OxylabsUniversalScraperTool": "Oxylabs: read a web page",
    "ParallelSearchTool": "Parallel web search",
    "S3ReaderTool": "Read an S3 object",
    "S3WriterTool": "Write an S3 object",
    "ScrapeElementFromWebsiteTool": "Read a part of a web page",
    "ScrapegraphScrapeTool": "ScrapeGraph: read a web page",
    "ScrapeWebsiteTool": "Read a web page",
    "ScrapflyScrapeWebsiteTool": "Scrapfly: read a web page",
    "SerpApiGoogleSearchTool": "SerpApi Google search",
    "SerpApiGoogleShoppingTool": "SerpApi Google shopping",
    "SerperDevTool": "Web search (Serper)",
    "SerperScrapeWebsiteTool": "Serper: read a web page",
    "SerplyJobSearchTool": "Serply job search",
    "SerplyNewsSearchTool": "Serply news search",
    "SerplyScholarSearchTool": "Serply scholar search",
    "SerplyWebpageToMarkdownTool": "Serply: read a web page",
    "SerplyWebSearchTool": "Serply web search",
    "SingleStoreSearchTool": "Ask SingleStore with SQL",
    "SpiderTool": "Spider: read a website",
    "StagehandTool": "Stagehand: use a browser",
    "TavilyExtractorTool": "Tavily: read web pages",
    "TavilyGetResearchTool": "Tavily: fetch a research",
    "TavilyResearchTool": "Tavily research",
    "TavilySearchTool": "Tavily web search",
    "URLReadTool": "Read a web address",
    "VisionTool": "Questions about an image",
    "WeaviateVectorSearchTool": "Search in Weaviate",
    "WebsiteSearchTool": "Questions about a website",
    "YoutubeChannelSearchTool": "Questions about a YouTube channel",
    "YoutubeVideoSearchTool": "Questions about a YouTube video",
}
