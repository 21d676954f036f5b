// corral tokens: what a model's tokenizer makes of a text or a conversation.

#include "cli/tokens/tokens_command.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <iostream>
#include <memory>

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>
#include <CLI/CLI.hpp>

#include "cli/base/command.hpp"
#include "cli/base/command_source.hpp"
#include "cli/tokens/tokenizer_process.hpp"
#include "corral/chat/family.hpp"
#include "corral/core/json.hpp"
#include "corral/core/owned_fd.hpp"
#include "corral/core/say.hpp"
#include "corral/telemetry/log.hpp"

namespace corral::cli {

namespace {

using json = nlohmann::ordered_json;

double milliseconds(core::nanoseconds span) {
    return std::chrono::duration<double, std::milli>(span).count();
}

double per_second(std::size_t tokens, core::nanoseconds span) {
    return span.count() > 0 ? static_cast<double>(tokens) / std::chrono::duration<double>(span).count() : 0.0;
}

// Spaces and line ends are what differs most often, so they show.
std::string piece_words(const std::string& piece) {
    std::string plain;
    for (const char c : piece) {
        plain += c == '\n' ? "\\n" : c == '\t' ? "\\t" : std::string(1, c);
    }
    return piece.empty() ? "(within a character)" : "\"" + telemetry::printable(plain, 80) + "\"";
}

std::string summary_of(const tokenizer_result& of) {
    const engine::token_listing& tokens = of.said.tokens;
    return fmt::format(
        "{}: {} tokens; encoded in {:.1f} ms ({:.0f} tokens/s), decoded one by one at {:.0f} tokens/s, "
        "started in {:.1f} s\n",
        of.model, tokens.ids.size(), milliseconds(tokens.encoding),
        per_second(tokens.ids.size(), tokens.encoding), per_second(tokens.ids.size(), tokens.decoding),
        milliseconds(of.said.start) / 1000);
}

std::string row_of(const engine::token_listing& tokens, std::size_t at) {
    return at < tokens.ids.size() ? fmt::format("{:>8}  {}", tokens.ids[at], piece_words(tokens.pieces[at]))
                                  : std::string("    none");
}

template <typename Value>
std::optional<std::size_t> first_other(const std::vector<Value>& left, const std::vector<Value>& right) {
    const auto [one, other] = std::ranges::mismatch(left, right);
    if (one == left.end() && other == right.end()) {
        return std::nullopt;
    }
    return static_cast<std::size_t>(one - left.begin());
}

std::string comparison_of(const tokenizer_result& left, const tokenizer_result& right) {
    const token_differences first = differences_of(left.said.tokens, right.said.tokens);
    if (!first.piece && !first.id) {
        return "Both are the same, in text and ids.\n";
    }
    if (!first.piece) {
        return fmt::format(
            "Both cut the text alike; the first other id is at token {}:\n  {}  {}\n  {}  {}\n", *first.id,
            row_of(left.said.tokens, *first.id), left.model, row_of(right.said.tokens, *first.id),
            right.model);
    }
    return fmt::format("The first difference is at token {}:\n  {}  {}\n  {}  {}\n", *first.piece,
                       row_of(left.said.tokens, *first.piece), left.model,
                       row_of(right.said.tokens, *first.piece), right.model);
}

constexpr std::size_t longest_input = 1024UL * 1024;

struct tokens_options {
    std::string model;
    std::vector<std::string> words;
    std::string chat;
    std::string beside;
    std::optional<std::string> config;
    bool count = false;
    bool json = false;
};

struct asked_text {
    std::string text;
    std::vector<chat::message> messages;  // of a conversation; empty: `text` as it stands
    json tools = json::array();
};

core::result<asked_text> conversation_in(const std::string& text, const std::string& file) {
    const json body = core::parse_json<json>(text);
    const json messages = body.is_object() ? body.value("messages", json()) : body;
    asked_text out;
    for (const json& one : messages.is_array() ? messages : json::array()) {
        chat::message turn;
        const std::string role = one.is_object() ? one.value("role", std::string()) : std::string();
        const bool has_text = one.is_object() && one.contains("content") && one["content"].is_string();
        if (!has_text || (role != "system" && role != "user" && role != "assistant")) {
            return core::make_failure(core::errc::invalid, core::say("tokens.text/message", file));
        }
        turn.from = role == "system" ? chat::role::system
                    : role == "user" ? chat::role::user
                                     : chat::role::assistant;
        turn.content = one["content"].get<std::string>();
        out.messages.push_back(std::move(turn));
    }
    if (out.messages.empty()) {
        return core::make_failure(core::errc::invalid, core::say("tokens.text/list", file));
    }
    if (body.is_object() && body.contains("tools") && body["tools"].is_array()) {
        out.tools = body["tools"];
    }
    return out;
}

core::result<std::string> input_of(const std::string& file) {
    const core::owned_fd opened(file == "-" ? ::dup(STDIN_FILENO)
                                            : ::open(file.c_str(), O_RDONLY | O_CLOEXEC));
    const auto text = opened.get() >= 0 ? core::read_all(opened.get(), longest_input + 1) : std::nullopt;
    if (!text) {
        return core::make_failure(core::errc::invalid,
                                  core::say("tokens.text/unreadable", file, std::strerror(errno)));
    }
    if (text->size() > longest_input) {
        return core::make_failure(core::errc::limit_exceeded, core::say("tokens.text/long"));
    }
    return *text;
}

core::result<asked_text> text_of(const tokens_options& asked) {
    if (!asked.chat.empty()) {
        const auto text = input_of(asked.chat);
        return text ? conversation_in(*text, asked.chat) : core::result<asked_text>(text.error());
    }
    asked_text out;
    for (const std::string& word : asked.words) {
        out.text += (out.text.empty() ? "" : " ") + word;
    }
    if (asked.words.empty()) {
        const auto text = input_of("-");
        if (!text) {
            return text.error();
        }
        out.text = *text;
    }
    if (out.text.empty()) {
        return core::make_failure(core::errc::invalid, core::say("tokens.text/none"));
    }
    return out;
}

core::result<chat::rendered_prompt> prompt_for(const catalog::model_entry& model, const asked_text& asked) {
    if (asked.messages.empty()) {
        return chat::render_raw(asked.text);
    }
    chat::render_options how;
    how.format = chat::find_family(model.family);
    how.default_system = model.default_system;
    how.package_forbids_thinking = model.package_forbids_thinking;
    how.may_be_verbatim = true;
    return chat::render(how, asked.messages, asked.tools, chat::thinking_mode::model_default);
}

core::result<tokenizer_result> ask(const config::configuration& files, const std::string& name,
                                   const asked_text& asked) {
    const catalog::model_entry* const model = config::find_model(files, name);
    if (model == nullptr) {
        const std::string shown = telemetry::printable(name, 200);
        return core::make_failure(core::errc::invalid, name.find('/') == std::string::npos
                                                           ? core::say("tokens.model/none", shown)
                                                           : core::say("tokens.model/no-file", shown));
    }
    if (tokenizer_of(*model) == nullptr) {
        return core::make_failure(core::errc::refused,
                                  core::say("tokens.model/service", model->name, model->runtime.name));
    }
    const auto prompt = prompt_for(*model, asked);
    if (!prompt) {
        return prompt.error();
    }
    auto said = ask_tokenizer(*model, *prompt);
    if (!said) {
        return said.error();
    }
    return tokenizer_result{model->name, std::move(*said)};
}

// The Pythons that may have the library: the one of the model's own tokenizer, whose script mostly takes it too, the one that
// import makes, and the system's.
std::vector<std::string> pythons_of(const catalog::model_entry& model) {
    std::vector<std::string> out;
    if (const auto own = model.variables.find("python"); own != model.variables.end()) {
        const bool inside = own->second.find('/') != std::string::npos;
        out.push_back(inside ? (model.package / own->second).string() : own->second);
    }
    for (const char* const other : {"/opt/corral-python/bin/python", "python3"}) {
        if (std::ranges::find(out, other) == out.end()) {
            out.emplace_back(other);
        }
    }
    return out;
}

// A file gets the text that the model's own tokenizer got: of a conversation the whole prompt, as the pieces of `first` are.
core::result<tokenizer_result> ask_beside(const config::configuration& files, const tokens_options& asked,
                                          const asked_text& text, const tokenizer_result& first) {
    const auto file =
        config::find_model(files, asked.beside) == nullptr ? tokenizer_file(asked.beside) : std::nullopt;
    if (!file) {
        return ask(files, asked.beside, text);
    }
    std::string whole = text.text;
    for (std::size_t at = 0; !text.messages.empty() && at < first.said.tokens.pieces.size(); ++at) {
        whole += first.said.tokens.pieces[at];
    }
    const catalog::model_entry& model = *config::find_model(files, asked.model);
    auto said = ask_tokenizer_file(*file, pythons_of(model), whole);
    if (!said) {
        return said.error();
    }
    return tokenizer_result{file->string(), std::move(*said)};
}

int tokens(const tokens_options& asked, const command_context& context) {
    const auto files = load_and_tell(source_of(asked.config, context.environment));
    if (!files) {
        return bad_configuration;
    }
    const auto text = text_of(asked);
    if (!text) {
        return fail(text.error().message, wrong_words);
    }
    auto first = ask(*files, asked.model, *text);
    if (!first) {
        return fail(telemetry::printable(first.error().message, 2000));
    }
    std::vector<tokenizer_result> all{std::move(*first)};
    if (!asked.beside.empty()) {
        auto second = ask_beside(*files, asked, *text, all.front());
        if (!second) {
            return fail(telemetry::printable(second.error().message, 2000));
        }
        all.push_back(std::move(*second));
    }
    if (asked.json) {
        std::cout << token_json(all).dump(2, ' ', false, json::error_handler_t::replace) << '\n';
    } else {
        std::cout << token_page(all, asked.count);
    }
    return succeeded;
}

}  // namespace

token_differences differences_of(const engine::token_listing& left, const engine::token_listing& right) {
    return {first_other(left.pieces, right.pieces), first_other(left.ids, right.ids)};
}

std::string token_page(const std::vector<tokenizer_result>& all, bool count_only) {
    std::string out;
    if (!count_only && all.size() == 1) {
        const engine::token_listing& tokens = all.front().said.tokens;
        for (std::size_t at = 0; at < tokens.ids.size(); ++at) {
            out += fmt::format("{:>6}  {}\n", at, row_of(tokens, at));
        }
    }
    for (const tokenizer_result& one : all) {
        out += summary_of(one);
    }
    return all.size() == 2 ? out + comparison_of(all.front(), all.back()) : out;
}

json token_json(const std::vector<tokenizer_result>& all) {
    json out{{"tokenizers", json::array()}};
    for (const tokenizer_result& one : all) {
        const engine::token_listing& tokens = one.said.tokens;
        out["tokenizers"].push_back({{"model", one.model},
                                     {"count", tokens.ids.size()},
                                     {"ids", tokens.ids},
                                     {"pieces", tokens.pieces},
                                     {"start_ms", milliseconds(one.said.start)},
                                     {"encode_ms", milliseconds(tokens.encoding)},
                                     {"decode_ms", milliseconds(tokens.decoding)}});
    }
    if (all.size() == 2) {
        const token_differences first = differences_of(all.front().said.tokens, all.back().said.tokens);
        const auto place = [](const std::optional<std::size_t>& at) {
            return at ? json(*at) : json(nullptr);
        };
        out["first_difference"] = {{"piece", place(first.piece)}, {"id", place(first.id)}};
    }
    return out;
}

void add_tokens_command(CLI::App& program, command_context& context) {
    const auto asked = std::make_shared<tokens_options>();
    CLI::App* one =
        program.add_subcommand("tokens", "Show how a model's own tokenizer splits a text or conversation");
    one->add_option("model", asked->model, "The model")->required()->type_name("MODEL");
    one->add_option("text", asked->words, "Text to tokenize, verbatim; default: standard input")
        ->type_name("TEXT")
        ->allow_extra_args(false);  // "[1, 2]" is a text, and no list
    one->add_option("--chat", asked->chat,
                    "File with messages as a client sends them; '-' for standard input")
        ->type_name("FILE");
    one->add_option("--beside", asked->beside,
                    "Show the first difference from another model, or from a tokenizer.json or its folder")
        ->type_name("MODEL|FILE");
    one->add_flag("--count", asked->count, "Print only the token count and speed");
    one->add_option("--config", asked->config, "Configuration that defines the models")->type_name("FILE");
    one->add_flag("--json", asked->json, "Print JSON");
    one->parse_complete_callback(
        [asked, &context] { context.run = [asked, &context] { return tokens(*asked, context); }; });
}

}  // namespace corral::cli
