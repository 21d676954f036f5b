"""First requests of clients that people have, in their size and shape: the names of the tools are the clients' own, the words are not.
What matters here is that they are far longer than a model of an edge NPU reads."""

OPEN_WEBUI_TOOLS = {
    "get_current_timestamp": "", "calculate_timestamp": "days_ago weeks_ago months_ago years_ago", "search_web": "query count",
    "fetch_url": "url", "generate_image": "prompt", "edit_image": "prompt image_urls", "execute_code": "code",
    "search_memories": "query count", "add_memory": "content", "replace_memory_content": "memory_id content",
    "delete_memory": "memory_id", "list_memories": "", "search_notes": "query count start_timestamp end_timestamp",
    "view_note": "note_id", "write_note": "title content", "replace_note_content": "note_id content title",
    "search_chats": "query count start_timestamp end_timestamp", "view_chat": "chat_id", "search_channels": "query count",
    "search_channel_messages": "query count start_timestamp end_timestamp", "view_channel_message": "message_id",
    "view_channel_thread": "parent_message_id", "list_knowledge_bases": "count skip", "search_knowledge_bases": "query count skip",
    "search_knowledge_files": "query knowledge_id count skip", "view_file": "file_id offset max_chars",
    "view_knowledge_file": "file_id offset max_chars", "query_knowledge_files": "query knowledge_ids count",
    "query_knowledge_bases": "query count", "view_skill": "name", "create_tasks": "tasks", "update_task": "task_id status",
    "create_automation": "title prompt schedule", "list_automations": "count skip", "search_calendar_events": "query start end count",
    "create_calendar_event": "title start end description",
}


def tool(name, parameters, said):
    properties = {one: {"type": "string", "description": f"The {one.replace('_', ' ')} that this call of {name} is about. "
                        "Leave it out where the default is wanted, and never make one up."} for one in parameters}
    return {"type": "function", "function": {"name": name, "description": said, "parameters": {
        "type": "object", "properties": properties, "required": list(properties)[:1]}}}


def open_webui(text):
    """36 built-in tools, about 26 kB, with each chat."""
    said = ("Does for the user what its name says ({}). Call it only where the question can't be answered from what is known already, "
            "and tell the user in the answer which of the results were used. Times are seconds since 1970, texts are plain.")
    tools = [tool(name, parameters.split(), said.format(name.replace("_", " "))) for name, parameters in OPEN_WEBUI_TOOLS.items()]
    return {"messages": [{"role": "user", "content": text}], "tools": tools}


def coding_assistant(text):
    """Rules of some 3,000 tokens as system text, as programs for pair programming send."""
    rules = "\n".join(f"{i}. Keep edit blocks whole: file name, search part, replace part, each on lines of its own." for i in range(150))
    return {"messages": [{"role": "system", "content": "Act as an expert software developer.\n" + rules + "\nAnswer in the user's language."},
                         {"role": "user", "content": text}]}


def home_assistant(text):
    """Many entities as system text, and a dozen tools, of which two were called."""
    entities = "\n".join(f"- names: Lamp {i}\n  domain: light\n  areas: Room {i % 12}\n  state: 'off'" for i in range(90))
    names = ["HassTurnOn", "HassTurnOff", "HassLightSet", "HassClimateSetTemperature", "HassMediaPause", "HassMediaNext",
             "HassSetVolume", "HassVacuumStart", "HassListAddItem", "HassStartTimer", "HassCancelTimer", "GetLiveContext"]
    call = {"function": {"name": "HassTurnOn", "arguments": {"name": "Lamp 1"}}}
    return {"messages": [{"role": "system", "content": "You are a voice assistant.\n" + entities}, {"role": "user", "content": "Lamp 1 on"},
                         {"role": "assistant", "content": "", "tool_calls": [call]},
                         {"role": "tool", "tool_name": "HassTurnOn", "content": "done"}, {"role": "assistant", "content": "It is on."},
                         {"role": "user", "content": text}],
            "tools": [tool(name, ["name", "area"], f"{name} of a device or an area.") for name in names]}


def agent(text):
    """A system text of some 10,000 tokens, as agents inside editors send."""
    rules = "\n\n".join(f"## Rule {i}\n" + "Think of the next step, say which tool takes it, wait for its result. " * 6 for i in range(80))
    return {"messages": [{"role": "system", "content": rules}, {"role": "user", "content": text}]}
