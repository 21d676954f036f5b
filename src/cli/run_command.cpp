// corral run: a chat in the terminal, over the API like any client's.

#include <chrono>
#include <csignal>
#include <iostream>
#include <iterator>
#include <memory>

#include <fmt/format.h>
#include <termios.h>
#include <unistd.h>
#include <CLI/CLI.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <nlohmann/json.hpp>

#include "cli/command.hpp"
#include "cli/command_source.hpp"
#include "cli/server_address.hpp"
#include "cli/terminal.hpp"
#include "corral/core/json.hpp"
#include "corral/core/json_members.hpp"
#include "corral/http/reply_stream.hpp"

namespace corral::cli {

namespace {

constexpr const char* not_running =
    "Corral is not running. Start it: 'corral serve' or 'sudo systemctl start corral'.";

using json = nlohmann::ordered_json;

// A cold model is loaded first, and others may be before us; blanks in between show that Corral lives.
constexpr core::seconds first_byte_limit{600};
constexpr core::seconds silence_limit{300};
constexpr std::size_t longest_line = 4 * 1024 * 1024;
constexpr std::size_t longest_input = 1024 * 1024;

struct run_options {
    std::string model;
    std::vector<std::string> words;
    std::string url;
    std::string key_file;
    std::string format;
    std::optional<std::string> config;
    bool verbose = false;
};

struct chat_server {
    server_address address;
    std::string key;
};

core::deadline from_now(core::seconds span) {
    return core::deadline::after(span, std::chrono::steady_clock::now());
}

// One question: the conversation goes out, the answer is printed as it comes. Ctrl-C ends it.
class question {
public:
    question(const chat_server& server, const json& body, text_style style)
        : server_(server), body_(body), style_(style), stop_(loop_, SIGINT) {}

    // The answer's message, as far as it came.
    core::result<json> ask() {
        stop_.async_wait([this](core::error_code error, int) {
            if (!error) {
                interrupted_ = true;
                cancel_.emit(core::asio::cancellation_type::terminal);
            }
        });
        std::exception_ptr thrown;
        core::asio::co_spawn(
            loop_, stream(),
            core::asio::bind_cancellation_slot(cancel_.slot(), [&](std::exception_ptr error) {
                thrown = std::move(error);
                stop_.cancel();
            }));
        loop_.run();
        if (thrown) {
            std::rethrow_exception(thrown);
        }
        end_thinking();
        std::cout << std::endl;
        if (failed_ && !interrupted_) {
            return *failed_;
        }
        return json{{"role", "assistant"}, {"content", content_}};
    }

    [[nodiscard]] const json& last_line() const { return last_; }
    [[nodiscard]] bool interrupted() const { return interrupted_; }

private:
    core::awaitable<void> stream() {
        co_await core::asio::this_coro::throw_if_cancelled(false);
        http::stream_call what;
        what.to = server_.address.at;
        what.host = server_.address.host;
        what.tls = server_.address.tls;
        what.target = "/api/chat";
        what.body = body_.dump(-1, ' ', false, json::error_handler_t::replace);
        what.until = from_now(first_byte_limit);
        if (!server_.key.empty()) {
            what.headers.add("Authorization", "Bearer " + server_.key);
        }
        auto opened = co_await http::reply_stream::open(std::move(what));
        if (!opened) {
            failed_ = opened.error();
            if (opened.error().code == boost::asio::error::connection_refused) {
                failed_->message = not_running;
            }
            co_return;
        }
        http::reply_stream& answer = **opened;
        if (answer.status() != 200) {
            const auto words = co_await http::read_all(answer, 64 * 1024, from_now(silence_limit));
            const bool absent = answer.status() == 404;
            failed_ = core::make_failure(absent ? core::errc::not_found : core::errc::unavailable,
                                         absent ? "there is no model '" + core::text_at(body_, "model") +
                                                      "'; 'corral list' names those there are"
                                                : refusal(answer.status(), words));
            co_return;
        }
        bool more = true;
        while (more) {
            const auto bytes = co_await answer.read(from_now(silence_limit));
            more = bytes && !bytes->empty() && take(*bytes);
            if (!bytes) {
                failed_ = bytes.error();
            } else if (bytes->empty() && last_.is_null() && !failed_) {
                failed_ = core::make_failure(core::errc::protocol, "the answer ended before its last line");
            }
        }
    }

    static std::string refusal(unsigned status, const core::result<std::string>& words) {
        const json read = words ? core::parse_json<json>(*words) : json();
        const std::string said = read.is_object() ? core::text_at(read, "error") : std::string();
        return said.empty() ? "the server answered with status " + std::to_string(status) : said;
    }

    // False once the answer is whole, or broken.
    bool take(std::string_view bytes) {
        rest_ += bytes;
        if (rest_.size() > longest_line) {
            failed_ = core::make_failure(core::errc::limit_exceeded, "a line of the answer is too long");
            return false;
        }
        std::size_t end = 0;
        while ((end = rest_.find('\n')) != std::string::npos) {
            const std::string line = rest_.substr(0, end);
            rest_.erase(0, end + 1);
            if (line.find_first_not_of(" \t\r") != std::string::npos && !take_line(line)) {
                return false;
            }
        }
        return true;
    }

    bool take_line(const std::string& line) {
        const json read = core::parse_json<json>(line);
        if (!read.is_object() || read.contains("error")) {
            const std::string said = read.is_object() ? core::text_at(read, "error") : std::string();
            failed_ = core::make_failure(core::errc::unavailable,
                                         said.empty() ? "a line of the answer is not understood" : said);
            return false;
        }
        if (const json* const message = core::member(read, "message")) {
            show(core::text_at(*message, "thinking"), core::text_at(*message, "content"));
        }
        if (core::flag_at(read, "done")) {
            last_ = read;
        }
        return last_.is_null();
    }

    void show(const std::string& thinking, const std::string& content) {
        if (!thinking.empty()) {
            std::cout << (thinks_ ? "" : "Thinking...\n") << painted(thinking, colour::faint, style_);
            thinks_ = true;
        }
        if (!content.empty()) {
            end_thinking();
            std::cout << content;
            content_ += content;
        }
        std::cout << std::flush;
    }

    void end_thinking() {
        if (thinks_) {
            std::cout << "\n...done thinking.\n\n";
            thinks_ = false;
        }
    }

    const chat_server& server_;
    const json& body_;
    text_style style_;
    core::asio::io_context loop_{1};
    core::asio::signal_set stop_;
    core::asio::cancellation_signal cancel_;
    std::string rest_;
    std::string content_;
    json last_;
    std::optional<core::failure> failed_;
    bool thinks_ = false;
    bool interrupted_ = false;
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
    conversation(const run_options& asked, chat_server server, text_style style)
        : asked_(asked), server_(std::move(server)), style_(style) {}

    // The exit status for this question.
    int say(const std::string& text) {
        messages_.push_back({{"role", "user"}, {"content", text}});
        json body{{"model", asked_.model}, {"stream", true}, {"messages", messages_}};
        if (!asked_.format.empty()) {
            const json schema = core::parse_json<json>(asked_.format);
            body["format"] = schema.is_object() ? schema : json(asked_.format);
        }
        question now(server_, body, style_);
        const core::result<json> answer = now.ask();
        if (!answer) {
            messages_.erase(messages_.size() - 1);
            return fail(answer.error().message);
        }
        messages_.push_back(*answer);
        if (asked_.verbose && now.last_line().is_object()) {
            print_timing(now.last_line());
        }
        return now.interrupted() ? 130 : static_cast<int>(succeeded);
    }

    void forget() { messages_ = json::array(); }

private:
    const run_options& asked_;
    chat_server server_;
    text_style style_;
    json messages_ = json::array();
};

// A line, or what stands between two """ over several; none at the end of the input.
std::optional<std::string> next_input() {
    constexpr std::string_view fence = "\"\"\"";
    std::string line;
    std::cout << ">>> " << std::flush;
    if (!std::getline(std::cin, line)) {
        return std::nullopt;
    }
    if (!line.starts_with(fence)) {
        return line;
    }
    std::string text = line.substr(fence.size());
    while (text.find(fence) == std::string::npos && text.size() < longest_input) {
        std::cout << "... " << std::flush;
        if (!std::getline(std::cin, line)) {
            break;
        }
        text += "\n" + line;
    }
    return text.substr(0, text.find(fence));
}

int chat(conversation& with) {
    std::cout << "/bye or Ctrl-D ends, /clear forgets, \"\"\" begins and ends several lines, Ctrl-C stops an "
                 "answer.\n";
    while (const auto text = next_input()) {
        if (*text == "/bye" || *text == "/exit") {
            return succeeded;
        }
        if (*text == "/clear") {
            with.forget();
        } else if (text->starts_with('/')) {
            std::cerr << "there is no command '" << *text << "'; /bye ends, /clear forgets\n";
        } else if (text->find_first_not_of(" \t") != std::string::npos) {
            static_cast<void>(with.say(*text));  // said already; the next question may do better
        }
    }
    std::cout << '\n';
    return succeeded;
}

// While it lives the terminal's own line editing erases letters, not their bytes: a serial console or a bare ssh often
// comes up without knowing that it speaks UTF-8.
class utf8_input {
public:
    utf8_input() {
        changed_ = ::tcgetattr(STDIN_FILENO, &before_) == 0 && (before_.c_iflag & IUTF8) == 0;
        if (changed_) {
            termios now = before_;
            now.c_iflag |= IUTF8;
            changed_ = ::tcsetattr(STDIN_FILENO, TCSADRAIN, &now) == 0;
        }
    }
    utf8_input(const utf8_input&) = delete;
    utf8_input& operator=(const utf8_input&) = delete;
    ~utf8_input() {
        if (changed_) {
            ::tcsetattr(STDIN_FILENO, TCSADRAIN, &before_);
        }
    }

private:
    termios before_{};
    bool changed_ = false;
};

// What comes by a pipe, after the words of the command line.
std::string piped(const std::vector<std::string>& words) {
    std::string text = fmt::format("{}", fmt::join(words, " "));
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

core::result<chat_server> server_of(const run_options& asked, const command_context& context) {
    chat_server out;
    const auto key = key_of(asked.key_file, context.environment);
    if (!key) {
        return key.error();
    }
    out.key = *key;
    if (!asked.url.empty()) {
        const auto found = find_server("--url", asked.url);
        if (!found) {
            return found.error();
        }
        out.address = *found;
        return out;
    }
    const config::configuration_result read =
        config::load_configuration(source_of(asked.config, context.environment));
    if (!read.value) {
        return core::make_failure(
            core::errc::invalid,
            "the configuration has mistakes, so that its address is not known: 'corral check' "
            "names them, --url says an address");
    }
    if (read.value->tls) {
        return core::make_failure(
            core::errc::invalid,
            "this Corral is asked by https, which 'corral run' does not speak; use a client "
            "such as 'ollama run'");
    }
    auto at = read.value->listen;
    if (at.address().is_unspecified()) {
        at.address(at.address().is_v6() ? boost::asio::ip::address(boost::asio::ip::address_v6::loopback())
                                        : boost::asio::ip::address_v4::loopback());
    }
    out.address.at = at;
    return out;
}

// Said before a person has typed a question. Elsewhere a look could take as long as the question.
bool refuses(const boost::asio::ip::tcp::endpoint& at) {
    if (!at.address().is_loopback()) {
        return false;
    }
    boost::asio::io_context here;
    boost::asio::ip::tcp::socket socket(here);
    boost::system::error_code error;
    socket.connect(at, error);
    return error == boost::asio::error::connection_refused;
}

int run(const run_options& asked, const command_context& context) {
    auto server = server_of(asked, context);
    if (!server) {
        return fail(server.error().message);
    }
    const boost::asio::ip::tcp::endpoint at = server->address.at;
    conversation with(asked, std::move(*server), style_of(STDOUT_FILENO, context.environment));
    if (asked.words.empty() && ::isatty(STDIN_FILENO) == 1) {
        if (refuses(at)) {
            return fail(not_running);
        }
        const utf8_input whole_letters;
        return chat(with);
    }
    const std::string text = piped(asked.words);
    if (text.empty()) {
        return fail("there is nothing to ask: 'corral run MODEL \"question\"'");
    }
    return with.say(text);
}

}  // namespace

void add_run_command(CLI::App& program, command_context& context) {
    auto asked = std::make_shared<run_options>();
    CLI::App* one =
        program.add_subcommand("run", "Chat with a model in the terminal, or ask it one question");
    one->add_option("model", asked->model, "The model, by name or alias")->type_name("MODEL")->required();
    one->add_option("prompt", asked->words, "One question; without it, a chat")->type_name("PROMPT");
    one->add_option("--format", asked->format, "json, or a JSON schema that the answer must fit");
    one->add_flag("--verbose", asked->verbose, "Print the timing of each answer");
    one->add_option("--url", asked->url, "The server, http://HOST:PORT; else that of the configuration");
    one->add_option("--key-file", asked->key_file, "A file whose first line is a key; else OLLAMA_API_KEY")
        ->type_name("FILE");
    one->add_option("--config", asked->config, "The daemon's configuration file, to find its address")
        ->type_name("FILE");
    one->parse_complete_callback(
        [asked, &context] { context.run = [asked, &context] { return run(*asked, context); }; });
}

}  // namespace corral::cli
