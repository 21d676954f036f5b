// corral run: a chat in the terminal, over the API like any client's.

#include <algorithm>
#include <cerrno>
#include <iostream>
#include <iterator>
#include <memory>

#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>
#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "cli/base/command.hpp"
#include "cli/base/remote_server.hpp"
#include "cli/base/terminal.hpp"
#include "cli/bench/bench_here.hpp"
#include "cli/chat/chat_question.hpp"
#include "cli/chat/terminal_input.hpp"
#include "corral/core/json.hpp"
#include "corral/core/json_members.hpp"
#include "corral/core/owned_fd.hpp"
#include "corral/core/say.hpp"

namespace corral::cli {

namespace {

using json = nlohmann::ordered_json;

constexpr std::size_t longest_input = 1024 * 1024;

struct run_options {
    std::string model;
    std::string first;  // word of the question
    std::vector<std::string> further;
    std::string url;
    std::string key_file;
    std::string ca_file;
    std::string format;
    std::optional<std::string> config;
    bool verbose = false;
};

void print_timing(const json& last) {
    const auto seconds = [&](const char* key) {
        return core::number_at<double>(last, key).value_or(0) / 1e9;
    };
    const auto rate = [&](const char* count, const char* span) {
        const double time = seconds(span);
        return time > 0 ? core::number_at<double>(last, count).value_or(0) / time : 0.0;
    };
    std::cerr << fmt::format(
        "total duration:       {:.3f} s\nload duration:        {:.3f} s\nprompt eval count:    {:.0f} "
        "token(s)\nprompt eval duration: {:.3f} s\nprompt eval rate:     {:.2f} tokens/s\neval count:        "
        "   "
        "{:.0f} token(s)\neval duration:        {:.3f} s\neval rate:            {:.2f} tokens/s\n",
        seconds("total_duration"), seconds("load_duration"),
        core::number_at<double>(last, "prompt_eval_count").value_or(0), seconds("prompt_eval_duration"),
        rate("prompt_eval_count", "prompt_eval_duration"),
        core::number_at<double>(last, "eval_count").value_or(0), seconds("eval_duration"),
        rate("eval_count", "eval_duration"));
}

// The conversation of one run of the command.
class conversation {
public:
    conversation(const run_options& options, chat_server server, text_style style)
        : asked_(options), server_(std::move(server)), style_(style) {}

    // The exit status for this question.
    int say(const std::string& text) {
        messages_.push_back({{"role", "user"}, {"content", text}});
        json body{{"model", asked_.model}, {"stream", true}, {"messages", messages_}};
        if (!asked_.format.empty()) {
            const json schema = core::parse_json<json>(asked_.format);
            body["format"] = schema.is_object() ? schema : json(asked_.format);
        }
        const core::result<chat_answer> answer = ask_question(server_, body, style_);
        if (!answer) {
            messages_.erase(messages_.size() - 1);
            return fail(answer.error().message);
        }
        messages_.push_back(answer->message);
        if (asked_.verbose && answer->last_line.is_object()) {
            print_timing(answer->last_line);
        }
        return answer->interrupted ? 130 : static_cast<int>(succeeded);
    }

    void forget() { messages_ = json::array(); }

    [[nodiscard]] core::reason nothing_listens_there() const { return nothing_listens(server_); }

private:
    const run_options& asked_;
    chat_server server_;
    text_style style_;
    json messages_ = json::array();
};

constexpr std::string_view fence = "\"\"\"";

// The rest of what stands between two """ over several lines.
line_state read_on(terminal_input& from, std::string& text) {
    while (text.find(fence) == std::string::npos && text.size() < longest_input) {
        const terminal_input::line more = from.read("... ");
        if (more.state != line_state::entered) {
            return more.state;
        }
        text += "\n" + more.text;
    }
    return line_state::entered;
}

// False once the person leaves.
bool take_input(conversation& with, terminal_input& from, const std::string& text) {
    if (text == "/bye" || text == "/exit") {
        return false;
    }
    if (text == "/clear") {
        with.forget();
    } else if (text.starts_with('/')) {
        std::cerr << core::say("command.unknown/chat", text) << '\n';
    } else if (text.find_first_not_of(" \t\n") != std::string::npos) {
        from.remember(text);
        static_cast<void>(with.say(text));  // said already; the next question may do better
    }
    return true;
}

int chat(conversation& with, const text_style& style) {
    std::cout << wrapped(
        "/bye or Ctrl-D quits, /clear starts over, \"\"\" begins and ends multi-line input, Ctrl-C stops an "
        "answer, the arrow keys recall earlier questions.\n",
        style);
    terminal_input from(style);
    for (;;) {
        terminal_input::line typed = from.read(">>> ");
        if (typed.state == line_state::entered && typed.text.starts_with(fence)) {
            typed.text.erase(0, fence.size());
            typed.state = read_on(from, typed.text);
            typed.text.resize(std::min(typed.text.find(fence), typed.text.size()));
        }
        if (typed.state == line_state::dropped) {
            std::cout << "Ctrl-D or /bye ends.\n";
            continue;
        }
        if (typed.state == line_state::ended || !take_input(with, from, typed.text)) {
            return succeeded;
        }
    }
}

// What comes by a pipe, after the words of the command line.
std::string piped(const run_options& options) {
    std::string text = fmt::format("{}{}{}", options.first, options.further.empty() ? "" : " ",
                                   fmt::join(options.further, " "));
    if (::isatty(STDIN_FILENO) != 1) {
        std::string more;
        char piece[4096];
        while (more.size() < longest_input && std::cin.read(piece, sizeof piece).gcount() > 0) {
            more.append(piece, static_cast<std::size_t>(std::cin.gcount()));
        }
        text += (text.empty() || more.empty() ? "" : "\n\n") + more;
    }
    return text;
}

core::result<chat_server> server_of(const run_options& options, const command_context& context) {
    chat_server out;
    const auto key = key_of(options.key_file, context.environment);
    if (!key) {
        return key.error();
    }
    out.key = *key;
    const bool local = options.url.empty();
    out.here = local;
    // It may have been started with another address than the file has, or before the file had a mistake.
    const local_corral here = local ? look_here(options.config, context.environment) : local_corral{};
    out.url = local ? here.url : options.url;
    const auto found = find_server("--url", out.url, options.ca_file);
    if (!found) {
        return found.error();
    }
    out.address = *found;
    if (local && out.address.tls && options.ca_file.empty()) {
        if (const auto trusted = trust_here(out.address.tls, here); !trusted) {
            return trusted.error();
        }
    }
    out.operated = here.known.status.is_object();  // its admin socket answers those alone who may
    return out;
}

// Said before a person has typed a question. Elsewhere a look could take as long as the question.
bool refuses(const boost::asio::ip::tcp::endpoint& at) {
    if (!at.address().is_loopback()) {
        return false;
    }
    // A listener with a full queue neither takes nor refuses; then the question itself finds out.
    constexpr int longest_ms = 1000;
    const core::owned_fd line(
        ::socket(at.protocol().family(), SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (::connect(line.get(), at.data(), static_cast<socklen_t>(at.size())) == 0) {
        return false;
    }
    if (errno != EINPROGRESS) {
        return errno == ECONNREFUSED;
    }
    pollfd ready{line.get(), POLLOUT, 0};
    int why = 0;
    socklen_t size = sizeof why;
    return ::poll(&ready, 1, longest_ms) == 1 &&
           ::getsockopt(line.get(), SOL_SOCKET, SO_ERROR, &why, &size) == 0 && why == ECONNREFUSED;
}

int run(const run_options& options, const command_context& context) {
    auto server = server_of(options, context);
    if (!server) {
        return fail(server.error().message);
    }
    const boost::asio::ip::tcp::endpoint at = server->address.at;
    conversation with(options, std::move(*server), style_of(STDOUT_FILENO, context.environment));
    if (options.first.empty() && ::isatty(STDIN_FILENO) == 1) {
        if (refuses(at)) {
            return fail(with.nothing_listens_there());
        }
        return chat(with, style_of(STDOUT_FILENO, context.environment));
    }
    const std::string text = piped(options);
    if (text.empty()) {
        return fail(core::say("command.nothing-to-ask"));
    }
    return with.say(text);
}

}  // namespace

void add_run_command(CLI::App& program, command_context& context) {
    auto asked = std::make_shared<run_options>();
    CLI::App* one =
        program.add_subcommand("run", "Chat with a model in the terminal, or ask it one question");
    one->add_option("model", asked->model, "The model, by name or alias")->type_name("MODEL")->required();
    // An option of several values takes "[1, 2]" for a list of two words, from CLI11 2.6 on whatever its settings.
    one->add_option("prompt", asked->first, "A single question; without one, start a chat")
        ->type_name("PROMPT");
    one->add_option("words", asked->further, "")->allow_extra_args(false)->group("");
    one->add_option("--format", asked->format, "json, or a JSON schema for the answer")->type_name("FORMAT");
    one->add_flag("--verbose", asked->verbose, "Print timings after each answer");
    one->add_option("--url", asked->url,
                    "Server, http://HOST:PORT or https://HOST:PORT; default: from the configuration")
        ->type_name("URL")
        ->check(mistake_in_address);
    one->add_option("--key-file", asked->key_file,
                    "File whose first line is the API key; default: OLLAMA_API_KEY")
        ->type_name("FILE");
    one->add_option("--ca-file", asked->ca_file,
                    "CA certificates (PEM) to trust instead of the system's; may be the server's own")
        ->type_name("FILE");
    one->add_option("--config", asked->config, "The daemon's configuration file, to find its address")
        ->type_name("FILE");
    one->parse_complete_callback(
        [asked, &context] { context.run = [asked, &context] { return run(*asked, context); }; });
}

}  // namespace corral::cli
