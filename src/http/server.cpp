#include "corral/http/server.hpp"

#include <algorithm>
#include <cerrno>
#include <exception>
#include <list>
#include <utility>
#include <vector>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/error.hpp>
#include <boost/system/system_error.hpp>

#include "connection.hpp"
#include "corral/core/wake_signal.hpp"
#include "listener.hpp"
#include "session.hpp"

namespace corral::http {

using core::asio::ip::tcp;

struct server::impl : std::enable_shared_from_this<server::impl> {
    impl(core::executor executor, std::shared_ptr<session_context> shared)
        : on(std::move(executor)), context(std::move(shared)), changed(on) {}

    void spawn_acceptor(tcp::acceptor& listener);
    void spawn_session(accepted client);
    void tell(const std::string& where, const std::exception_ptr& thrown) const;
    [[nodiscard]] bool full() const { return open.size() >= context->options.max_connections; }
    static core::awaitable<void> accept_loop(std::shared_ptr<impl> self, tcp::acceptor& listener);
    [[nodiscard]] bool accept_waiting(tcp::acceptor& listener);

    core::executor on;
    std::shared_ptr<session_context> context;
    std::list<tcp::acceptor> listeners;
    std::list<std::shared_ptr<connection>> open;
    core::wake_signal changed;  // a connection ended, or accepting must stop
};

void server::impl::tell(const std::string& where, const std::exception_ptr& thrown) const {
    if (!thrown) {
        return;
    }
    try {
        std::rethrow_exception(thrown);
    } catch (const boost::system::system_error& error) {
        if (error.code() != core::asio::error::operation_aborted) {
            context->log_error(where + ": " + error.what());
        }
    } catch (const std::exception& error) {
        context->log_error(where + ": " + error.what());
    } catch (...) {
        context->log_error(where + ": an exception of unknown type");
    }
}

void server::impl::spawn_session(accepted client) {
    const std::size_t header = context->options.max_header_bytes + 1024;
    connection_options options{std::max<std::size_t>(64 * 1024, header), context->options.write_stall,
                               context->tls};
    auto made =
        std::make_shared<connection>(std::move(client.socket), std::move(client.peer), std::move(options));
    const auto place = open.insert(open.end(), made);
    core::asio::co_spawn(
        on, run_session(context, made),
        core::asio::bind_cancellation_slot(
            made->slot(), [self = shared_from_this(), made, place](const std::exception_ptr& thrown) {
                self->tell("connection", thrown);
                made->end(core::asio::error::eof);
                self->open.erase(place);
                self->changed.ring();
            }));
}

// Takes what waits, at most a handful a turn. False when accepting must pause.
bool server::impl::accept_waiting(tcp::acceptor& listener) {
    for (int taken = 0; taken < 64 && !full(); ++taken) {
        core::error_code error;
        auto client = accept_one(listener, error);
        if (client) {
            spawn_session(std::move(*client));
            continue;
        }
        switch (error.value()) {
            case EAGAIN:
                return true;
            case ECONNABORTED:
            case EINTR:
            case EPROTO:
                continue;
            case EMFILE:
            case ENFILE:
            case ENOBUFS:
            case ENOMEM:
                return false;
            default:
                context->log_error("can't accept a connection: " + error.message());
                return false;
        }
    }
    return true;
}

core::awaitable<void> server::impl::accept_loop(std::shared_ptr<impl> self, tcp::acceptor& listener) {
    constexpr core::nanoseconds pause = core::milliseconds{100};
    while (!self->context->stopping) {
        if (self->full()) {
            const core::deadline never;
            co_await self->changed.wait(never);
            continue;
        }
        const auto [error] = co_await listener.async_wait(tcp::acceptor::wait_read, core::as_result);
        if (self->context->stopping) {
            break;
        }
        if (error || !self->accept_waiting(listener)) {
            co_await core::sleep_for(pause);
        }
    }
}

void server::impl::spawn_acceptor(tcp::acceptor& listener) {
    core::asio::co_spawn(
        on, accept_loop(shared_from_this(), listener),
        [self = shared_from_this()](const std::exception_ptr& thrown) { self->tell("listener", thrown); });
}

server::server(core::executor on, server_options options, handler serve,
               std::function<void(std::string)> log_error)
    : impl_(std::make_shared<impl>(std::move(on), std::make_shared<session_context>(options, std::move(serve),
                                                                                    std::move(log_error)))) {}

server::~server() {
    stop_accepting();
    close_all();
}

core::result<tcp::endpoint> server::listen(const tcp::endpoint& where) {
    auto made = open_listener(impl_->on, where);
    if (!made) {
        return made.error();
    }
    core::error_code error;
    const tcp::endpoint at = made->local_endpoint(error);
    if (error) {
        return core::failure{error, "can't tell the address of a listener: " + error.message()};
    }
    impl_->listeners.push_back(std::move(*made));
    return at;
}

void server::use_tls(tls_credentials with) {
    impl_->context->tls = std::move(with);
}

void server::refuse_with(refusal_writer write) {
    impl_->context->refuse = std::move(write);
}

void server::serve_with(handler serve) {
    impl_->context->serve = std::move(serve);
}

void server::adjust(const server_options& with) {
    impl_->context->options = with;
    impl_->context->bodies.set_limit(with.max_buffered_body_bytes);
    impl_->changed.ring();  // there may be room for more connections
}

void server::start() {
    for (tcp::acceptor& listener : impl_->listeners) {
        impl_->spawn_acceptor(listener);
    }
}

void server::stop_accepting() {
    impl_->context->stopping = true;
    for (tcp::acceptor& listener : impl_->listeners) {
        core::error_code ignored;  // a listener is closed whatever close() says
        listener.close(ignored);
    }
    for (const auto& one : impl_->open) {
        if (one->idle()) {
            one->end(core::asio::error::eof);
        }
    }
    impl_->changed.ring();
}

core::awaitable<bool> server::wait_idle(core::deadline until) {
    const auto self = impl_;
    while (!self->open.empty()) {
        const core::wake_reason why = co_await self->changed.wait(until);
        if (why != core::wake_reason::rung) {
            break;
        }
    }
    co_return self->open.empty();
}

void server::close_all() {
    // Ending one may run code that changes the list.
    const std::vector<std::shared_ptr<connection>> all(impl_->open.begin(), impl_->open.end());
    for (const auto& one : all) {
        one->end(core::make_error_code(core::errc::cancelled));
    }
}

server_stats server::stats() const noexcept {
    return {impl_->open.size(), impl_->context->exchanges};
}

}  // namespace corral::http
