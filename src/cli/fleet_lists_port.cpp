#include "cli/fleet_lists_port.hpp"

#include <mutex>
#include <thread>
#include <utility>
#include <variant>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/address.hpp>

#include "corral/core/server_url.hpp"
#include "corral/http/router.hpp"
#include "corral/http/server.hpp"
#include "corral/telemetry/log.hpp"
#include "corral/telemetry/metrics.hpp"

namespace corral::cli {

namespace {

http::server_options small_options() {
    constexpr std::size_t most_bytes = 64 * 1024;
    http::server_options out;
    out.max_body_bytes = most_bytes;
    out.max_buffered_body_bytes = most_bytes * 16;
    out.max_connections = 256;
    return out;
}

}  // namespace

struct fleet_lists_port::impl {
    boost::asio::io_context loop;
    boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work{loop.get_executor()};
    http::router routes;
    std::mutex guard;  // of both
    std::shared_ptr<const served_lists> now;
    std::string figures;
    http::server door{
        loop.get_executor(), small_options(),
        [this](http::request& incoming, http::response_writer& out) { return routes.serve(incoming, out); },
        [](const std::string& what) { telemetry::log().error("a request handler failed: {}", what); }};
    std::jthread thread;

    std::shared_ptr<const served_lists> latest() {
        const std::scoped_lock lock(guard);
        return now;
    }

    core::awaitable<void> answer_figures(http::response_writer& out) {
        http::response told;
        told.status = 200;
        told.content_type = std::string(telemetry::metrics::content_type);
        {
            const std::scoped_lock lock(guard);
            told.body = figures;
        }
        (void)co_await out.send(std::move(told));  // whoever asked may have gone
    }

    core::awaitable<void> answer(std::string served_lists::*which, http::response_writer& out) {
        const auto lists = latest();
        http::response told;
        told.status = lists ? 200 : 503;
        told.content_type = "application/json; charset=utf-8";
        told.body = !lists             ? R"({"error":"no box has answered yet"})"
                    : which == nullptr ? R"({"status":"ready"})"
                                       : (*lists).*which;
        (void)co_await out.send(std::move(told));  // whoever asked may have gone
    }

    void add(const std::string& path, std::string served_lists::*which) {
        for (const char* const method : {"GET", "HEAD"}) {
            routes.add(method, path, [this, which](http::request&, http::response_writer& out) {
                return answer(which, out);
            });
        }
    }
};

fleet_lists_port::fleet_lists_port() : impl_(std::make_unique<impl>()) {}

fleet_lists_port::~fleet_lists_port() {
    impl_->work.reset();
    impl_->loop.stop();
}

core::result<void> fleet_lists_port::listen(const std::string& where) {
    const auto parsed = core::parse_server_url("http://" + where);
    const auto* const at = std::get_if<core::server_url>(&parsed);
    boost::system::error_code wrong;
    const auto address = boost::asio::ip::make_address(at == nullptr ? "" : at->host, wrong);
    if (wrong || !at->port) {
        return core::make_failure(core::errc::invalid, "'lists' of [edge] is no ADDRESS:PORT: " + where);
    }
    auto opened = impl_->door.listen({address, *at->port});
    if (!opened) {
        return opened.error();
    }
    impl_->add("/api/tags", &served_lists::tags);
    impl_->add("/v1/models", &served_lists::models);
    impl_->add("/api/ps", &served_lists::running);
    impl_->add("/readyz", nullptr);
    for (const char* const method : {"GET", "HEAD"}) {
        impl_->routes.add(method, "/metrics", [my = impl_.get()](http::request&, http::response_writer& out) {
            return my->answer_figures(out);
        });
    }
    impl_->door.start();
    impl_->thread = std::jthread([this] { impl_->loop.run(); });
    return {};
}

void fleet_lists_port::tell(served_lists now) {
    auto fresh = std::make_shared<const served_lists>(std::move(now));
    const std::scoped_lock lock(impl_->guard);
    impl_->now = std::move(fresh);
}

void fleet_lists_port::tell_figures(std::string now) {
    const std::scoped_lock lock(impl_->guard);
    impl_->figures = std::move(now);
}

}  // namespace corral::cli
