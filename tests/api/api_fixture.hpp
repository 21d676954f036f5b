#pragma once
// The whole of api, generation and scheduler over a scripted backend, without sockets.

#include <memory>
#include <regex>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/post.hpp>

#include "corral/api/wire_format.hpp"
#include "generation/generation_fixture.hpp"

namespace corral::test {

namespace asio = boost::asio;

// Keeps what a handler answers. A closed gate makes writes wait, as a client does that reads nothing.
class recorded_answer final : public http::response_writer {
public:
    explicit recorded_answer(boost::asio::io_context& io) : gate_(io.get_executor()) {}

    unsigned status = 0;
    std::string content_type;
    http::header_fields headers;
    std::string body;
    std::vector<std::string> writes;
    bool finished = false;
    bool begun = false;
    bool gate_closed = false;
    std::size_t fail_after_writes = SIZE_MAX;

    void open_gate() {
        gate_closed = false;
        gate_.ring();
    }
    core::awaitable<core::error_code> send(http::response whole) override {
        status = whole.status;
        content_type = whole.content_type;
        headers = whole.headers;
        body = whole.body;
        finished = true;
        co_return core::error_code{};
    }
    core::awaitable<core::error_code> begin(http::response_head head) override {
        status = head.status;
        content_type = head.content_type;
        headers = head.headers;
        begun = true;
        co_return core::error_code{};
    }
    core::awaitable<core::error_code> write(std::string piece) override {
        while (gate_closed) {
            co_await gate_.wait();
        }
        if (writes.size() >= fail_after_writes) {
            co_return asio::error::make_error_code(asio::error::broken_pipe);
        }
        body += piece;
        writes.push_back(std::move(piece));
        co_return core::error_code{};
    }
    core::awaitable<core::error_code> finish() override {
        finished = true;
        co_return core::error_code{};
    }
    [[nodiscard]] bool started() const noexcept override { return status != 0; }

private:
    core::wake_signal gate_;
};

// One request on its way.
struct exchange {
    explicit exchange(boost::asio::io_context& io) : answer(io) {}
    http::request request;
    recorded_answer answer;
    asio::cancellation_signal cancel;
    bool over = false;
};

class api_test : public generation_fixture {
protected:
    api_test() { serve(); }
    void build(generation::generation_options options = {}, std::size_t max_queue = 8) {
        generation_fixture::build(options, max_queue);
        serve();
    }
    void can_embed(std::vector<std::vector<float>> vectors) {
        backend.embeds = true;
        backend.entry.capabilities = {"embedding"};
        backend.vectors = std::move(vectors);
    }
    // With what `context` says.
    void serve() {
        context.generations = generations.get();
        context.models = &models;
        context.admission = admission.get();
        context.clock = &clock;
        context.random = &random;
        handler = api::make_api(context);
    }

    std::shared_ptr<exchange> start(const std::string& method, const std::string& path,
                                    const std::string& body = {},
                                    const std::vector<std::pair<std::string, std::string>>& headers = {}) {
        auto each = std::make_shared<exchange>(io);
        each->request.method = method;
        each->request.target = path;
        each->request.path = path.substr(0, path.find('?'));
        if (const auto mark = path.find('?'); mark != std::string::npos) {
            each->request.query = path.substr(mark + 1);
        }
        each->request.body = body;
        each->request.arrived = clock.now();
        each->request.peer = {asio::ip::make_address(peer), 50000};
        bool has_host = false;
        for (const auto& [name, value] : headers) {
            each->request.headers.add(name, value);
            has_host = has_host || name == "Host";
        }
        if (!has_host) {
            each->request.headers.add("Host", "localhost:11434");
        }
        asio::co_spawn(io, handler(each->request, each->answer),
                       asio::bind_cancellation_slot(each->cancel.slot(),
                                                    [each](std::exception_ptr) { each->over = true; }));
        settle(io);
        return each;
    }
    // Starts and waits for the end.
    std::shared_ptr<exchange> ask(const std::string& method, const std::string& path,
                                  const std::string& body = {},
                                  const std::vector<std::pair<std::string, std::string>>& headers = {}) {
        auto each = start(method, path, body, headers);
        EXPECT_TRUE(run_until(io, [&] { return each->over; })) << method << " " << path << " " << body;
        return each;
    }

    api::api_context context;
    http::handler handler;
    std::string peer = "127.0.0.1";  // of requests that are started
};

// `text` with the values of created_at and of the durations replaced by "T" and 1, which differ in each run.
inline std::string without_times(std::string text) {
    static const std::regex stamp(R"re("(created_at|modified_at|expires_at)":"[^"]*")re");
    static const std::regex duration(R"re("([a-z_]*_duration)":[0-9]+)re");
    text = std::regex_replace(text, stamp, R"("$1":"T")");
    return std::regex_replace(text, duration, R"("$1":1)");
}

}  // namespace corral::test
