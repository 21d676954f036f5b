#include "corral/http/server.hpp"

#include <algorithm>
#include <cerrno>
#include <exception>
#include <list>
#include <utility>
#include <vector>

#include <unistd.h>
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
    bool keep_aside(connection& one);
    [[nodiscard]] bool full() const { return open.size() >= context->options.max_connections; }
    static core::awaitable<void> accept_loop(std::shared_ptr<impl> self, tcp::acceptor& listener);
    [[nodiscard]] bool accept_waiting(tcp::acceptor& listener);

    core::executor on;
    std::shared_ptr<session_context> context;
    std::list<tcp::acceptor> listeners;
    std::list<std::shared_ptr<connection>> open;
    std::vector<int> aside;     // sockets between two requests while paused
    unsigned pauses = 0;        // an accept loop of an earlier one ends
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

bool server::impl::keep_aside(connection& one) {
    const int socket = one.give_away();
    if (socket >= 0) {
        aside.push_back(socket);
    }
    return socket >= 0;
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
    const unsigned mine = self->pauses;
    const auto over = [&self, mine] {
        return self->context->stopping || self->context->paused || self->pauses != mine;
    };
    while (!over()) {
        if (self->full()) {
            const core::deadline never;
            co_await self->changed.wait(never);
            continue;
        }
        const auto [error] = co_await listener.async_wait(tcp::acceptor::wait_read, core::as_result);
        if (over()) {
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
    impl_->context->closes_tls = true;
    for (const int socket : std::exchange(impl_->aside, {})) {
        ::close(socket);
    }
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

core::result<tcp::endpoint> server::listen_on(int inherited) {
    auto made = adopt_listener(impl_->on, inherited);
    if (!made) {
        return made.error();
    }
    core::error_code error;
    const tcp::endpoint at = made->local_endpoint(error);
    impl_->listeners.push_back(std::move(*made));
    if (error) {
        return core::failure{error, "can't tell the address of a listener: " + error.message()};
    }
    return at;
}

std::vector<int> server::listeners() const {
    std::vector<int> all;
    for (tcp::acceptor& listener : impl_->listeners) {
        if (listener.is_open()) {
            all.push_back(listener.native_handle());
        }
    }
    return all;
}

void server::pause() {
    if (impl_->context->paused || impl_->context->stopping) {
        return;
    }
    impl_->context->paused = true;
    impl_->context->closes_tls = true;
    // Borrowed: a session's end is told to us, so we outlive all of them.
    impl_->context->keep_aside = [of = impl_.get()](connection& one) { return of->keep_aside(one); };
    ++impl_->pauses;
    for (tcp::acceptor& listener : impl_->listeners) {
        core::error_code ignored;  // the loop looks at `pauses` at its next turn in any case
        listener.cancel(ignored);
    }
    for (const auto& one : impl_->open) {
        if (one->idle() && !impl_->keep_aside(*one)) {
            one->end(core::asio::error::eof);
        }
    }
    impl_->changed.ring();
}

void server::resume() {
    if (!impl_->context->paused || impl_->context->stopping) {
        return;
    }
    impl_->context->paused = false;
    impl_->context->closes_tls = false;
    for (const int socket : std::exchange(impl_->aside, {})) {
        adopt_connection(socket);
    }
    start();
}

std::vector<int> server::kept_aside() const {
    return impl_->aside;
}

void server::adopt_connection(int socket) {
    auto client = adopt_accepted(impl_->on, socket);
    if (client) {
        impl_->spawn_session(std::move(*client));
    } else {
        ::close(socket);
    }
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
