#include "cli/connect/client_table.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace corral::cli {

namespace {

// An agent that is given a window smaller than its own instructions sums the conversation up after each answer
// (docs/clients.md#the-window); Corral cuts what is too long.
constexpr std::uint32_t least_agent_window = 32768;

// Sources: docs/clients.md#connect. No key is ever written: each client reads it from its environment, or asks for it.
constexpr auto clients = std::to_array<client_entry>({
    {"claude", "Claude Code", client_file::own, ".claude", "CLAUDE_CONFIG_DIR", "corral.json",
     R"({
  "env": {
    "ANTHROPIC_BASE_URL": "{url}",
?open     "ANTHROPIC_AUTH_TOKEN": "corral",
    "ANTHROPIC_MODEL": "{model}",
    "ANTHROPIC_DEFAULT_OPUS_MODEL": "{model}",
    "ANTHROPIC_DEFAULT_SONNET_MODEL": "{model}",
    "ANTHROPIC_DEFAULT_HAIKU_MODEL": "{model}",
    "CLAUDE_CODE_SUBAGENT_MODEL": "{model}",
    "CLAUDE_CODE_MAX_CONTEXT_TOKENS": "200000",
    "CLAUDE_CODE_MAX_OUTPUT_TOKENS": "{output}",
    "CLAUDE_CODE_ATTRIBUTION_HEADER": "0",
    "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1"
  }
}
)",
     "?key export ANTHROPIC_AUTH_TOKEN=YOUR_KEY\nclaude --settings {file}\n"},
    {"codex", "Codex", client_file::own, ".codex", "CODEX_HOME", "corral.config.toml",
     R"(model = "{model}"
model_provider = "corral"
model_context_window = {agent_window}

[model_providers.corral]
name = "Corral"
base_url = "{url}/v1"
wire_api = "responses"
?key env_key = "CORRAL_API_KEY"
)",
     "?key export CORRAL_API_KEY=YOUR_KEY\ncodex --profile corral\n"},
    {"opencode", "opencode", client_file::merged, ".config", "XDG_CONFIG_HOME", "opencode/opencode.json",
     R"({
  "provider": {
    "corral": {
      "npm": "@ai-sdk/openai-compatible",
      "name": "Corral",
      "options": {
?key         "apiKey": "{env:CORRAL_API_KEY}",
        "baseURL": "{url}/v1"
      },
      "models": {
        "{model}": {
          "name": "{model}",
          "tool_call": {tools},
          "limit": { "context": {agent_window}, "output": {output} }
        }
      }
    }
  }
}
)",
     "?key export CORRAL_API_KEY=YOUR_KEY\nopencode --model corral/{model}\n"},
    {"continue", "Continue", client_file::own, ".continue", "", "corral.yaml",
     R"(name: Corral
version: 1.0.0
schema: v1
models:
  - name: "{model}"
    provider: openai
    model: "{model}"
    apiBase: "{url}/v1"
?key     apiKey: "${{ secrets.CORRAL_API_KEY }}"
?open     apiKey: none
    roles: [chat, edit, apply, summarize]
    defaultCompletionOptions:
      contextLength: {agent_window}
      maxTokens: {output}
)",
     "?key export CORRAL_API_KEY=YOUR_KEY\n"
     "cn --config {file}\n"
     "# In an editor: the same lines in ~/.continue/config.yaml.\n"},
    {"cline", "Cline", client_file::none, "", "", "", "",
     "?open cline auth --provider openai --baseurl {url}/v1 --modelid {model} --apikey none\n"
     "?key cline auth --provider openai --baseurl {url}/v1 --modelid {model} --apikey YOUR_KEY\n"
     "# In an editor: API Provider 'Ollama', base URL {url}, model {model}, context window "
     "{agent_window}.\n"},
    {"aider", "aider", client_file::merged, "", "", ".aider.model.metadata.json",
     R"({
  "ollama_chat/{model}": {
    "max_tokens": {output},
    "max_input_tokens": {input},
    "max_output_tokens": {output},
    "litellm_provider": "ollama_chat",
    "mode": "chat"
  }
}
)",
     "export OLLAMA_API_BASE={url}\n"
     "?key export OLLAMA_API_KEY=YOUR_KEY\n"
     "aider --model ollama_chat/{model} --map-tokens 0\n"},
    {"vscode", "VS Code", client_file::merged, ".config", "XDG_CONFIG_HOME",
     "Code/User/chatLanguageModels.json",
     R"([
  {
    "name": "Corral",
    "vendor": "customendpoint",
    "apiType": "chat-completions",
    "models": [
      {
        "id": "{model}",
        "name": "{model}",
        "url": "{url}/v1/chat/completions",
        "toolCalling": {tools},
        "vision": {vision},
        "maxInputTokens": {agent_input},
        "maxOutputTokens": {output}
      }
    ]
  }
]
)",
     "# Restart VS Code and choose {model} in the model picker of the chat. Where it is not there yet,\n"
     "# 'Manage Models...' at the end of that list brings it.\n"
     "?key # The key: 'Chat: Manage Language Models', the gear beside 'Corral'.\n"
     "# With the extension Ollama instead: its host is {url}.\n"},
    {"goose", "goose", client_file::own, ".config", "XDG_CONFIG_HOME",
     "goose/custom_providers/custom_corral.json",
     R"({
  "name": "custom_corral",
  "engine": "openai",
  "display_name": "Corral",
  "description": "The models of this Corral",
?key   "api_key_env": "CORRAL_API_KEY",
  "base_url": "{url}/v1/chat/completions",
  "models": [ { "name": "{model}", "context_limit": {agent_window} } ],
?key   "requires_auth": true,
?open   "requires_auth": false,
  "supports_streaming": true
}
)",
     "?key export CORRAL_API_KEY=YOUR_KEY\n"
     "GOOSE_PROVIDER=custom_corral GOOSE_MODEL={model} GOOSE_MAX_TOKENS={output} goose session\n"},
    {"zed", "Zed", client_file::merged, ".config", "XDG_CONFIG_HOME", "zed/settings.json",
     R"({
  "language_models": {
    "openai_compatible": {
      "corral": {
        "api_url": "{url}/v1",
        "available_models": [
          {
            "name": "{model}",
            "display_name": "{model}",
            "max_tokens": {agent_window},
            "max_output_tokens": {output},
            "capabilities": {
              "tools": {tools},
              "images": {vision},
              "parallel_tool_calls": false,
              "prompt_cache_key": false,
              "chat_completions": true
            }
          }
        ]
      }
    }
  }
}
)",
     "?key export CORRAL_API_KEY=YOUR_KEY   # or in the settings of Zed, LLM Providers\n"
     "?open # Zed wants a key of any kind: Settings, AI, LLM Providers, corral.\n"
     "# Choose {model} in the agent panel.\n"},
    {"open-webui", "Open WebUI", client_file::none, "", "", "", "",
     "# Admin settings, Connections, OpenAI API: the address {url}/v1.\n"
     "?open # Its key: any word.\n"
     "?key # Its key: yours of this box.\n"
     "# Its model: {model}. Or for the first start of a new one:\n"
     "?open export OPENAI_API_BASE_URL={url}/v1 OPENAI_API_KEY=none\n"
     "?key export OPENAI_API_BASE_URL={url}/v1 OPENAI_API_KEY=YOUR_KEY\n"
     "open-webui serve\n"},
    {"home-assistant", "Home Assistant", client_file::none, "", "", "", "",
     "# Settings, Devices & services, Add integration, Ollama: the URL {url}.\n"
     "?key # Its API key: yours of this box.\n"
     "# Then its conversation agent: model {model}, context window size {window} (2048 at least).\n"
     "# For it to switch things: Control Home Assistant: Assist.\n"},
    {"n8n", "n8n", client_file::none, "", "", "", "",
     "# Credentials, Ollama: the base URL {url}.\n"
     "?key # Its API key: yours of this box.\n"
     "# In the node 'Ollama Chat Model': model {model}, context length {window}, max tokens to generate "
     "{output}.\n"},
    {"frigate", "Frigate", client_file::none, "", "", "", R"(genai:
  corral:
    provider: ollama
    base_url: "{url}"
    model: "{model}"
?key     api_key: "{FRIGATE_CORRAL_API_KEY}"
    roles: [descriptions, chat]
    provider_options:
      options:
        num_ctx: {window}
)",
     "# Add the lines to the configuration of Frigate (0.18 or newer), and restart it.\n"
     "?blind # It wants a model that sees images, which this one doesn't.\n"
     "?key # The key comes from the environment of its container: FRIGATE_CORRAL_API_KEY.\n"},
    {"librechat", "LibreChat", client_file::none, "", "", "", R"(endpoints:
  custom:
    - name: "Corral"
?key       apiKey: "${CORRAL_API_KEY}"
?open       apiKey: "none"
      baseURL: "{url}/v1"
      models:
        default: ["{model}"]
        fetch: true
      titleConvo: false
      modelDisplayLabel: "Corral"
      tokenConfig:
        "{model}": { prompt: 0, completion: 0, context: {agent_window} }
)",
     "# Add the lines to librechat.yaml, and restart LibreChat.\n"
     "?key # The key comes from its .env: CORRAL_API_KEY.\n"},
});

void replace_all(std::string& in, std::string_view what, std::string_view by) {
    for (std::size_t at = in.find(what); at != std::string::npos; at = in.find(what, at + by.size())) {
        in.replace(at, what.size(), by);
    }
}

std::string place_words(const client_entry& client) {
    const std::string place = client.folder.empty() ? "~/" : "~/" + std::string(client.folder) + "/";
    switch (client.kind) {
        case client_file::own:
            return "a file of its own, `" + place + std::string(client.file) + "`";
        case client_file::merged:
            return "added to `" + place + std::string(client.file) + "`";
        case client_file::none:
            break;
    }
    return client.text.empty() ? "by hand" : "lines to add by hand";
}

}  // namespace

std::span<const client_entry> client_table() {
    return clients;
}

const client_entry* find_client(std::string_view name) {
    const auto* const found = std::ranges::find(clients, name, &client_entry::name);
    return found == clients.end() ? nullptr : &*found;
}

std::uint32_t output_limit(std::uint32_t window) {
    constexpr std::uint32_t least = 256;
    constexpr std::uint32_t most = 8192;
    return std::clamp(window / 4, least, most);
}

std::string fill_in(std::string_view text, const box_facts& box, const std::string& file) {
    const std::array<std::pair<std::string_view, bool>, 3> marks{
        {{"?key ", box.key}, {"?open ", !box.key}, {"?blind ", !box.vision}}};
    std::string out;
    while (!text.empty()) {
        std::string_view line = text.substr(0, text.find('\n') + 1);
        text.remove_prefix(line.size());
        bool wanted = true;
        for (const auto& [mark, holds] : marks) {
            if (line.starts_with(mark)) {
                line.remove_prefix(mark.size());
                wanted = holds;
            }
        }
        out += wanted ? line : "";
    }
    const std::uint32_t output = output_limit(box.window);
    const std::uint32_t beside = box.window > output ? box.window - output : box.window;
    const std::uint32_t input = box.prompt > 0 ? std::min(box.prompt, beside) : beside;
    const std::uint32_t agent_window = std::max(box.window, least_agent_window);
    const std::array<std::pair<std::string_view, std::string>, 10> values{{
        {"{url}", box.url},
        {"{model}", box.model},
        {"{window}", std::to_string(box.window)},
        {"{agent_window}", std::to_string(agent_window)},
        {"{agent_input}", std::to_string(agent_window - output)},
        {"{input}", std::to_string(input)},
        {"{output}", std::to_string(output)},
        {"{tools}", box.tools ? "true" : "false"},
        {"{vision}", box.vision ? "true" : "false"},
        {"{file}", file},
    }};
    for (const auto& [name, value] : values) {
        replace_all(out, name, value);
    }
    return out;
}

bool is_plain_word(std::string_view text) {
    constexpr std::string_view plain =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._:/@+-[]";
    return !text.empty() && !text.starts_with('-') && text.find_first_not_of(plain) == std::string_view::npos;
}

std::string client_rows() {
    std::string out;
    for (const client_entry& one : clients) {
        out += "| " + std::string(one.title) + " | `corral connect " + std::string(one.name) + "` | " +
               place_words(one) + " |\n";
    }
    return out;
}

}  // namespace corral::cli
