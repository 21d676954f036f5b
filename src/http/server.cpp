#include "corral/http/server.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <exception>
#include <list>
#include <string_view>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/error.hpp>
#include <boost/system/system_error.hpp>

#include "connection.hpp"
#include "corral/core/say.hpp"
#include "corral/core/wake_signal.hpp"
#include "listener.hpp"
#include "session.hpp"

namespace corral::http {

using core::asio::ip::tcp;

namespace {

bool somebody_waits(listening_socket& listener) {
    pollfd look{listener.native_handle(), POLLIN, 0};
    return ::poll(&look, 1, 0) > 0;
}

// The descriptor that an accepted connection would get; -1 where there is none left.
int lowest_free(listening_socket& listener) {
    const int found = ::fcntl(listener.native_handle(), F_DUPFD_CLOEXEC, 0);
    if (found >= 0) {
        ::close(found);
    }
    return found;
}

// Whether a connection with this descriptor takes what is kept for the rest of the program. New ones get the lowest
// that is free, so nearly all below are taken.
bool lacks_descriptors(int handle) {
    rlimit limit{};
    if (handle < 0 || ::getrlimit(RLIMIT_NOFILE, &limit) != 0) {
        return handle < 0;
    }
    const auto most = static_cast<std::size_t>(limit.rlim_cur);
    return static_cast<std::size_t>(handle) >= most - descriptor_reserve(most);
}

std::string busy_text() {
    const std::string body = "{\"error\":\"" + core::say("request.too-many-heads/connections") + "\"}";
    return "HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/json; charset=utf-8\r\n"
           "Retry-After: 1\r\nConnection: close\r\nContent-Length: " +
           std::to_string(body.size()) + "\r\n\r\n" + body;
}

// To a client that gets no place; as much as goes at once.
void say_busy(int socket, bool encrypted) {
    if (!encrypted) {
        static const std::string text = busy_text();
        std::array<char, 4096> unread;  // closing over it would reset the answer away
        ::recv(socket, unread.data(), unread.size(), MSG_DONTWAIT);
        ::send(socket, text.data(), text.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
        ::shutdown(socket, SHUT_WR);
    }
}

}  // namespace

std::size_t descriptor_reserve(std::size_t limit) noexcept {
    constexpr std::size_t usual = 128;
    constexpr std::size_t part = 4;
    return std::min(usual, limit / part);
}

struct server::impl : std::enable_shared_from_this<server::impl> {
    impl(core::executor executor, std::shared_ptr<session_context> shared)
        : on(std::move(executor)), context(std::move(shared)), changed(on) {}

    void spawn_acceptor(listening_socket& listener);
    void spawn_session(accepted client, const kept_connection* before = nullptr);
    void tell(const std::string& where, const std::exception_ptr& thrown) const;
    bool keep_aside(connection& one);
    [[nodiscard]] bool full() const;
    [[nodiscard]] bool admits(const accepted& client);
    [[nodiscard]] bool somebody_yields(std::string_view newcomer, core::nanoseconds moment = {});
    [[nodiscard]] bool finds_descriptor(listening_socket& listener);
    static core::awaitable<void> accept_loop(std::shared_ptr<impl> self, listening_socket& listener);
    [[nodiscard]] bool accept_waiting(listening_socket& listener);

    core::executor on;
    std::shared_ptr<session_context> context;
    std::list<listening_socket> listeners;
    std::list<std::shared_ptr<connection>> open;
    std::vector<kept_connection> aside;  // while paused
    unsigned pauses = 0;                 // an accept loop of an earlier one ends
    core::wake_signal changed;           // a connection ended, or accepting must stop
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

void server::impl::spawn_session(accepted client, const kept_connection* before) {
    const bool announces = before == nullptr && context->is_proxy(client.peer.address());
    connection_options options{context->options.write_stall, context->tls, client.over_unix, announces};
    auto made =
        std::make_shared<connection>(std::move(client.socket), std::move(client.peer), std::move(options));
    made->join(context->clients, std::move(client.share));
    if (before != nullptr && before->announced) {
        made->relay_for(before->announced);
    }
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
        aside.push_back({socket, one.relayed() ? std::optional(one.peer()) : std::nullopt});
    }
    return socket >= 0;
}

// No client can be let in, whoever it is.
bool server::impl::full() const {
    const std::size_t most = context->options.max_connections;
    const bool leavers_linger = open.size() >= 2 * most;
    return leavers_linger || (context->clients.size() >= most && !context->clients.has_yielding());
}

// Whether there is room for this one, for which another may have had to go.
bool server::impl::admits(const accepted& client) {
    constexpr std::size_t most_reserved = 16;
    constexpr std::size_t part_reserved = 8;
    const std::size_t most = context->options.max_connections;
    const bool near = client.peer.address().is_loopback() && !context->is_proxy(client.peer.address());
    const std::size_t room = near ? most : most - std::min(most_reserved, most / part_reserved);
    return context->clients.size() < room || somebody_yields(client.share);
}

bool server::impl::somebody_yields(std::string_view newcomer, core::nanoseconds moment) {
    constexpr core::seconds patience{2};
    connection* const goes =
        context->clients.yields_to(newcomer, std::chrono::steady_clock::now(), patience, moment);
    const bool newcomer_waits = moment > core::nanoseconds{0};
    if (goes == nullptr || (newcomer_waits && goes->has_unread_request())) {
        return false;
    }
    goes->end(core::asio::error::timed_out);
    return true;
}

// Before the newcomer is there, whoever that is: then it takes the descriptor of the one that went, and those above
// stay for others. The request of one that has just come may be on its way, and here the newcomer can wait for it.
bool server::impl::finds_descriptor(listening_socket& listener) {
    constexpr core::milliseconds moment{250};
    const int next = lowest_free(listener);
    const bool lacks = context->options.spares_descriptors ? lacks_descriptors(next) : next < 0;
    return !lacks || somebody_yields({}, moment);
}

// Takes what waits, at most a handful a turn. False when accepting must pause.
bool server::impl::accept_waiting(listening_socket& listener) {
    constexpr int handful = 16;
    for (int taken = 0; taken < handful && !full() && somebody_waits(listener); ++taken) {
        if (!finds_descriptor(listener)) {
            return false;
        }
        core::error_code error;
        auto client = accept_one(listener, error);
        if (client && admits(*client)) {
            spawn_session(std::move(*client));
            continue;
        }
        if (client) {
            say_busy(client->socket.native_handle(), context->tls.has_value());
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
                context->log_error(core::say("daemon.descriptors/accept", error));
                return false;
        }
    }
    return true;
}

core::awaitable<void> server::impl::accept_loop(std::shared_ptr<impl> self, listening_socket& listener) {
    constexpr core::nanoseconds pause = core::milliseconds{100};
    const unsigned mine = self->pauses;
    const auto over = [&self, &listener, mine] {
        return self->context->stopping || self->context->paused || self->pauses != mine ||
               !listener.is_open();
    };
    while (!over()) {
        if (self->full()) {
            // Who has become idle meanwhile rings no bell.
            const core::deadline next = core::deadline::after(pause, std::chrono::steady_clock::now());
            co_await self->changed.wait(next);
            continue;
        }
        const auto [error] = co_await listener.async_wait(listening_socket::wait_read, core::as_result);
        if (over()) {
            break;
        }
        if (error || !self->accept_waiting(listener)) {
            co_await core::sleep_for(pause);
        }
    }
}

void server::impl::spawn_acceptor(listening_socket& listener) {
    core::asio::co_spawn(
        on, accept_loop(shared_from_this(), listener),
        [self = shared_from_this()](const std::exception_ptr& thrown) { self->tell("listener", thrown); });
}

server::server(core::executor on, server_options options, handler serve,
               std::function<void(std::string)> log_error)
    : impl_(std::make_shared<impl>(
          on, std::make_shared<session_context>(on, options, std::move(serve), std::move(log_error)))) {}

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
        return core::failure{error, core::say("configuration.listen-failed/tell", error.message())};
    }
    impl_->listeners.push_back(std::move(*made));
    return at;
}

void server::free_with(core::worker& elsewhere) {
    impl_->context->frees = &elsewhere;
}

void server::warn_with(std::function<void(core::reason)> log_warning) {
    impl_->context->log_warning = std::move(log_warning);
}

void server::use_tls(tls_credentials credentials) {
    impl_->context->tls = std::move(credentials);
}

void server::refuse_with(refusal_writer write) {
    impl_->context->refuse = std::move(write);
}

void server::admit_with(admission ask) {
    impl_->context->admit = std::move(ask);
}

void server::serve_with(handler serve, head_judge judge) {
    impl_->context->serve = std::move(serve);
    impl_->context->judge = std::move(judge);
}

void server::adjust(const server_options& with) {
    impl_->context->options = with;
    impl_->context->bodies.set_limit(with.max_buffered_body_bytes, with.max_body_bytes);
    impl_->changed.ring();  // there may be room for more connections
}

void server::start() {
    for (listening_socket& listener : impl_->listeners) {
        impl_->spawn_acceptor(listener);
    }
}

void server::stop_accepting() {
    impl_->context->stopping = true;
    impl_->context->closes_tls = true;
    for (const kept_connection& one : std::exchange(impl_->aside, {})) {
        ::close(one.socket);
    }
    for (listening_socket& listener : impl_->listeners) {
        core::error_code ignored;  // a listener is closed whatever close() says
        listener.close(ignored);
    }
    for (const auto& one : impl_->open) {
        if (one->idle() && !one->has_unread_request()) {
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
        return core::failure{error, core::say("configuration.listen-failed/tell", error.message())};
    }
    return at;
}

std::vector<int> server::listeners() const {
    std::vector<int> all;
    for (listening_socket& listener : impl_->listeners) {
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
    // Borrowed: a session reports its end to us, so we outlive all of them.
    impl_->context->keep_aside = [of = impl_.get()](connection& one) { return of->keep_aside(one); };
    ++impl_->pauses;
    for (listening_socket& listener : impl_->listeners) {
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
    for (const kept_connection& one : std::exchange(impl_->aside, {})) {
        adopt_connection(one);
    }
    start();
}

const std::vector<kept_connection>& server::kept_aside() const {
    return impl_->aside;
}

void server::adopt_connection(const kept_connection& one) {
    auto client = adopt_accepted(impl_->on, one.socket);
    if (client) {
        impl_->spawn_session(std::move(*client), &one);
    } else {
        ::close(one.socket);
    }
}

core::result<void> server::listen_at_unix(int bound) {
    auto made = adopt_unix_listener(impl_->on, bound);
    if (!made) {
        return made.error();
    }
    for (listening_socket& earlier : impl_->listeners) {
        core::error_code ignored;
        earlier.close(ignored);
    }
    impl_->listeners.push_back(std::move(*made));
    return {};
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
    return {impl_->open.size(), impl_->context->exchanges, impl_->context->answered};
}

}  // namespace corral::http
