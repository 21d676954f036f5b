#include "cli/chat/chat_question.hpp"

#include <chrono>
#include <csignal>
#include <exception>
#include <iostream>
#include <optional>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <unistd.h>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>

#include "cli/base/terminal.hpp"
#include "cli/status/status_page.hpp"
#include "corral/catalog/model_name.hpp"
#include "corral/control/admin_client.hpp"
#include "corral/core/json.hpp"
#include "corral/core/json_members.hpp"
#include "corral/core/say.hpp"
#include "corral/core/wake_signal.hpp"
#include "corral/http/reply_stream.hpp"
#include "corral/telemetry/log.hpp"

namespace corral::cli {

namespace {

using json = nlohmann::ordered_json;

// A cold model is loaded first, and others may be before us; blanks in between show that Corral lives.
constexpr core::seconds first_byte_limit{600};
constexpr core::seconds silence_limit{300};
constexpr core::seconds names_limit{5};
constexpr core::seconds between_looks{1};
constexpr std::size_t longest_line = 4 * 1024 * 1024;

core::deadline from_now(core::seconds span) {
    return core::deadline::after(span, std::chrono::steady_clock::now());
}

class question {
public:
    question(const chat_server& server, const json& body, text_style style)
        : server_(server),
          body_(body),
          style_(style),
          wrapper_(style.columns),
          stop_(loop_, SIGINT),
          waiting_(STDERR_FILENO, style) {}

    core::result<chat_answer> ask() {
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
                stop_waiting();
            }));
        if (style_.live && ::isatty(STDERR_FILENO) == 1) {
            core::asio::co_spawn(
                loop_, show_wait(),
                core::asio::bind_cancellation_slot(no_wait_.slot(), [](const std::exception_ptr&) {}));
        }
        loop_.run();
        if (thrown) {
            std::rethrow_exception(thrown);
        }
        show({}, std::exchange(held_, {}));
        end_thinking();
        if (printed_ || interrupted_) {
            std::cout << std::endl;
        }
        if (failed_ && !interrupted_) {
            if (server_.operated && failed_->code == core::errc::unavailable) {
                failed_->message = failed_->message.led_to_by(
                    core::say("command.run-answer/operated", core::text_at(body_, "model")));
            }
            return *failed_;
        }
        return chat_answer{{{"role", "assistant"}, {"content", content_}}, last_, interrupted_};
    }

private:
    core::awaitable<void> stream() {
        co_await core::asio::this_coro::throw_if_cancelled(false);
        http::stream_call what = call_to("/api/chat", first_byte_limit);
        what.body = body_.dump(-1, ' ', false, json::error_handler_t::replace);
        auto opened = co_await http::reply_stream::open(std::move(what));
        if (!opened) {
            failed_ = with_ca_file(opened.error());
            if (opened.error().code == boost::asio::error::connection_refused) {
                failed_->message = nothing_listens(server_);
            }
            co_return;
        }
        http::reply_stream& answer = **opened;
        if (answer.status() != 200) {
            const auto words = co_await http::read_all(answer, 64 * 1024, from_now(silence_limit));
            const core::errc kind = answer.status() < 500 ? core::errc::invalid : core::errc::unavailable;
            failed_ = core::make_failure(kind, refusal(answer.status(), words));
            if (answer.status() == 404) {
                const std::vector<std::string> names = co_await names_there();
                failed_ = core::make_failure(
                    core::errc::not_found,
                    catalog::no_such_model(telemetry::printable(core::text_at(body_, "model")), names));
            }
            co_return;
        }
        bool more = true;
        while (more) {
            const auto bytes = co_await answer.read(from_now(silence_limit));
            more = bytes && !bytes->empty() && take(*bytes);
            if (!bytes) {
                failed_ = bytes.error();
            } else if (bytes->empty() && last_.is_null() && !failed_) {
                failed_ =
                    core::make_failure(core::errc::protocol, core::say("command.run-answer/answer-ended"));
            }
        }
    }

    [[nodiscard]] http::stream_call call_to(const char* path, core::seconds limit) const {
        http::stream_call out;
        out.to = server_.address.at;
        out.host = server_.address.host;
        out.tls = server_.address.tls;
        out.target = path;
        out.until = from_now(limit);
        if (!server_.key.empty()) {
            out.headers.add("Authorization", "Bearer " + server_.key);
        }
        return out;
    }

    // What the question waits for, once a second until its first text.
    core::awaitable<void> show_wait() {
        co_await core::asio::this_coro::throw_if_cancelled(false);
        const auto begun = std::chrono::steady_clock::now();
        bool awake = co_await core::sleep_for(between_looks);
        while (awake && !answers_) {
            const json seen = co_await readiness();
            if (answers_) {
                break;
            }
            const auto waited =
                std::chrono::duration_cast<core::seconds>(std::chrono::steady_clock::now() - begun);
            waiting_.draw(wrapped(wait_words(seen, waited) + "\n", style_));
            awake = co_await core::sleep_for(between_looks);
        }
    }

    core::awaitable<json> readiness() {
        const std::string model = core::text_at(body_, "model");
        if (model.find_first_of(" %&#?+\"") != std::string::npos) {
            co_return json();  // no name that a query takes as it is
        }
        http::stream_call what = call_to("/readyz", names_limit);
        what.method = "GET";
        what.target += "?model=" + model;
        auto opened = co_await http::reply_stream::open(std::move(what));
        if (!opened) {
            co_return json();
        }
        const auto text = co_await http::read_all(**opened, longest_line, from_now(names_limit));
        co_return text ? core::parse_json<json>(*text) : json();
    }

    void stop_waiting() {
        if (!std::exchange(answers_, true)) {
            waiting_.clear();
            no_wait_.emit(core::asio::cancellation_type::terminal);
        }
    }

    // The models that the server has; none where it does not say.
    core::awaitable<std::vector<std::string>> names_there() {
        std::vector<std::string> out;
        http::stream_call what = call_to("/api/tags", names_limit);
        what.method = "GET";
        auto opened = co_await http::reply_stream::open(std::move(what));
        if (!opened) {
            co_return out;
        }
        const auto text = co_await http::read_all(**opened, longest_line, from_now(names_limit));
        const json list = text ? core::parse_json<json>(*text) : json();
        const json models = core::list_at(list, "models");
        for (const json& one : models) {
            out.push_back(telemetry::printable(core::text_at(one, "name")));
        }
        co_return out;
    }

    [[nodiscard]] core::reason refusal(unsigned status, const core::result<std::string>& words) const {
        constexpr unsigned unauthorized = 401;
        if (status == unauthorized) {
            const std::string url = telemetry::printable(server_.url, 1000);
            return server_.key.empty() ? core::say("command.key-wanted/box", url)
                                       : core::say("command.key-wanted/unknown", url);
        }
        if (words && http::wants_https(status, *words)) {
            return core::say("command.address/https", telemetry::printable(server_.url, 1000));
        }
        const json read = words ? core::parse_json<json>(*words) : json();
        const std::string said = read.is_object() ? core::text_at(read, "error") : std::string();
        return said.empty() ? core::say("command.run-answer/status", status) : core::reason::unlisted(said);
    }

    // False once the answer is whole, or broken.
    bool take(std::string_view bytes) {
        rest_ += bytes;
        if (rest_.size() > longest_line) {
            failed_ =
                core::make_failure(core::errc::limit_exceeded, core::say("command.run-answer/line-answer"));
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
        const std::string said = read.is_object() ? core::text_at(read, "error") : std::string();
        // For clients that hide it, the text of a broken answer ends with the error that follows.
        const std::string held = std::exchange(held_, {});
        if (said.empty() || !held.ends_with(said + "]")) {
            show({}, held);
        }
        if (!read.is_object() || read.contains("error")) {
            failed_ = core::make_failure(core::errc::unavailable, said.empty()
                                                                      ? core::say("command.run-answer/line")
                                                                      : core::reason::unlisted(said));
            return false;
        }
        if (const json* const message = core::member(read, "message")) {
            held_ = core::text_at(*message, "content");
            const bool may_be_an_error = held_.ends_with(']');
            show(core::text_at(*message, "thinking"), may_be_an_error ? "" : std::exchange(held_, {}));
        }
        if (core::flag_at(read, "done")) {
            last_ = read;
        }
        return last_.is_null();
    }

    void show(const std::string& thinking, const std::string& content) {
        if (thinking.empty() && content.empty()) {
            return;
        }
        stop_waiting();
        if (!thinking.empty()) {
            std::cout << (thinks_ ? "" : "Thinking...\n");
            print(thinking, true);
            thinks_ = printed_ = true;
        }
        if (!content.empty()) {
            end_thinking();
            print(content, false);
            content_ += content;
            printed_ = true;
        }
        std::cout << std::flush;
    }

    // Broken between words on a terminal, which takes a begun word to the next line; as it is for files and pipes.
    void print(const std::string& text, bool faint) {
        if (!style_.live) {
            std::cout << text;
            return;
        }
        std::cout << std::flush;
        const std::string shown = wrapper_.take(text);
        write_raw(STDOUT_FILENO, faint ? painted(shown, colour::faint, style_) : shown);
    }

    void end_thinking() {
        if (thinks_) {
            std::cout << "\n...done thinking.\n\n";
            wrapper_ = word_wrapper(style_.columns);
            thinks_ = false;
        }
    }

    const chat_server& server_;
    const json& body_;
    text_style style_;
    word_wrapper wrapper_;
    core::asio::io_context loop_{1};
    core::asio::signal_set stop_;
    core::asio::cancellation_signal cancel_;
    live_lines waiting_;
    core::asio::cancellation_signal no_wait_;
    bool answers_ = false;
    std::string rest_;
    std::string content_;
    std::string held_;  // the end of the text, until the next line shows what it was
    json last_;
    std::optional<core::failure> failed_;
    bool thinks_ = false;
    bool printed_ = false;
    bool interrupted_ = false;
};

}  // namespace

core::reason nothing_listens(const chat_server& server) {
    return server.here ? control::not_running()
                       : core::say("command.run-answer/refuses", telemetry::printable(server.url, 1000));
}

std::string wait_words(const json& readiness, core::seconds waited) {
    const json queue =
        core::member(readiness, "queue") == nullptr ? json() : *core::member(readiness, "queue");
    const std::string state = core::text_at(readiness, "status");
    const auto left = core::number_at<double>(readiness, "wait_seconds");
    const auto count = [&](const char* key) { return core::number_at<double>(queue, key).value_or(0); };
    std::string out = "waiting for the first word";
    if (state == "loading" || state == "unloaded") {
        out = "the model is being loaded" +
              (left && *left > 0 ? ", about " + span_text(*left) + " left" : std::string());
    } else if (count("running") + count("waiting") > 1) {
        out += "; of the model's requests " + queue_text(count("running"), count("waiting"));
    }
    return out + "; " + span_text(static_cast<double>(waited.count())) + " so far";
}

core::result<chat_answer> ask_question(const chat_server& server, const nlohmann::ordered_json& body,
                                       const text_style& style) {
    return question(server, body, style).ask();
}

}  // namespace corral::cli
