"""Which of CrewAI's fields people can set here, and why the others are left out."""

from __future__ import annotations

from collections.abc import Mapping

# Reasons that hold for several fields.
_RUNTIME = "CrewAI keeps what happens during a run there; nobody sets it."
_DEPRECATED = "CrewAI has deprecated it."
_FILES = "It reads or writes files of the server."
_CODE = "It takes Python code, which nobody writes in Slack."
_CHECKPOINTS = "Crewcall remembers finished work in its own database; CrewAI’s checkpoints hold keys in the clear."
_LIKENESS = "Knowledge and memory are found by their words, in the database, so that they need no other model or key."
_IDENTITY = "CrewAI gives it out itself."
_TEMPLATE = "It replaces CrewAI’s prompts; a mistake in it spoils every answer without a word."
_LIMIT = "CrewAI’s limit holds a thread for a minute and leaks timers."
_OTHER_PROVIDER = "It runs on CrewAI’s own platform, which needs an account there."
_OURS = "Crewcall sets it: "

AGENT_OFFERED: Mapping[str, str] = {
    "role": "role",
    "goal": "goals",
    "backstory": "backstory",
    "allow_delegation": "allow_delegation",
    "llm": "llm",
    "tools": "tools",
    "mcps": "tools",
    "max_tokens": "max_tokens",
    "max_iter": "max_iter",
    "max_execution_time": "max_execution_time",
    "planning": "planning",
    "inject_date": "inject_date",
    "respect_context_window": "respect_context_window",
    "use_system_prompt": "use_system_prompt",
    "tool_failure_policy": "tool_failure_policy",
    "knowledge": "knowledge",
    "verbose": "verbose",
}
AGENT_LEFT_OUT: Mapping[str, str] = {
    **dict.fromkeys(("id", "entity_type", "config", "security_config"), _IDENTITY),
    **dict.fromkeys(
        (
            "adapted_agent",
            "agent_executor",
            "agent_knowledge_context",
            "cache_handler",
            "crew",
            "crew_knowledge_context",
            "execution_context",
            "knowledge_search_query",
            "knowledge_storage",
            "tools_handler",
            "tools_results",
        ),
        _RUNTIME,
    ),
    **dict.fromkeys(("checkpoint", "checkpoint_kickoff_event_id"), _CHECKPOINTS),
    **dict.fromkeys(
        (
            "allow_code_execution",
            "code_execution_mode",
            "function_calling_llm",
            "i18n",
            "max_reasoning_attempts",
            "multimodal",
            "reasoning",
            "executor_class",
        ),
        _DEPRECATED,
    ),
    **dict.fromkeys(("embedder", "knowledge_config", "knowledge_sources"), _LIKENESS),
    "memory": "The crew decides for all its agents: “Memory”.",
    **dict.fromkeys(("callbacks", "step_callback"), _CODE),
    **dict.fromkeys(("system_template", "prompt_template", "response_template"), _TEMPLATE),
    **dict.fromkeys(("apps", "from_repository"), _OTHER_PROVIDER),
    "a2a": "It calls agents at other addresses, with no limit on which.",
    "cache": "The crew decides for all its agents: “Remember tool results”.",
    "date_format": "The date is told as 2030-01-31, which every model reads.",
    "guardrail": "It is for agents without a crew; here a task has the guardrail.",
    "guardrail_max_retries": "It is for agents without a crew; here a task has the guardrail.",
    "max_retry_limit": _OURS + "a failed task is not tried again as a whole, as each try asks and pays anew.",
    "max_rpm": _LIMIT,
    "planning_config": "“Plan first” plans once; further turns cost calls that people would not expect.",
    "skills": _FILES,
    "use_better_compaction": _OURS + "by the size of the model’s context.",
}

TASK_OFFERED: Mapping[str, str] = {
    "name": "name",
    "description": "description",
    "expected_output": "expected_output",
    "agent": "agent_id",
    "context": "depends_on",
    "async_execution": "async_execution",
    "markdown": "markdown",
    "guardrail": "guardrail",
    "guardrail_max_retries": "guardrail_max_retries",
    "output_json": "output_schema",
    "output_file": "output_file",
    "human_input": "review",
    # The condition is a field of CrewAI's ConditionalTask.
    "condition": "condition",
}
TASK_LEFT_OUT: Mapping[str, str] = {
    **dict.fromkeys(("id", "config", "security_config"), _IDENTITY),
    **dict.fromkeys(
        ("checkpoint_original_description", "checkpoint_original_expected_output"),
        _CHECKPOINTS,
    ),
    **dict.fromkeys(
        (
            "delegations",
            "end_time",
            "output",
            "processed_by_agents",
            "prompt_context",
            "retry_count",
            "start_time",
            "tools_errors",
            "used_tools",
        ),
        _RUNTIME,
    ),
    **dict.fromkeys(("callback", "converter_cls"), _CODE),
    **dict.fromkeys(("output_pydantic", "response_model"), "“Result as JSON” says the same with a JSON Schema."),
    "allow_crewai_trigger_context": _OTHER_PROVIDER,
    "create_directory": "“File” is posted in the thread; nothing is written on the server.",
    "guardrails": "One guardrail may hold several rules.",
    "input_files": _FILES,
    "max_retries": _DEPRECATED,
    "tool_failure_policy": "It is set for the agent that uses the tools.",
    "tools": "A task uses its agent’s tools.",
}

CREW_OFFERED: Mapping[str, str] = {
    "name": "name",
    "agents": "agents",
    "tasks": "tasks",
    "process": "process_type",
    "manager_agent": "manager_agent_id",
    "manager_llm": "manager_llm",
    "planning": "planning",
    "planning_llm": "planning_llm",
    "memory": "memory",
    "knowledge": "knowledge",
    "cache": "cache",
}
CREW_LEFT_OUT: Mapping[str, str] = {
    **dict.fromkeys(("id", "entity_type", "config", "security_config"), _IDENTITY),
    **dict.fromkeys(("execution_context", "execution_logs", "token_usage", "usage_metrics"), _RUNTIME),
    **dict.fromkeys(
        ("checkpoint", "checkpoint_inputs", "checkpoint_kickoff_event_id", "checkpoint_train"), _CHECKPOINTS
    ),
    **dict.fromkeys(
        ("after_kickoff_callbacks", "before_kickoff_callbacks", "step_callback", "task_callback"),
        _CODE,
    ),
    **dict.fromkeys(("embedder", "knowledge_sources"), _LIKENESS),
    **dict.fromkeys(
        ("output_log_file", "prompt_file", "skills", "task_execution_output_json_files", "trained_agents_file"), _FILES
    ),
    "chat_llm": "It is for CrewAI’s chat on a terminal.",
    "function_calling_llm": _DEPRECATED,
    "max_rpm": _LIMIT,
    "share_crew": "It sends the crew to CrewAI.",
    "stream": _OURS + "progress comes from CrewAI’s events.",
    "tool_failure_policy": "It is set for each agent.",
    "tracing": "It sends runs to CrewAI.",
    "verbose": "It prints on the server’s terminal; an agent’s “Keep answers in the log” is for people.",
}
