#pragma once

#include <atomic>
#include <functional>
#include <string>

#include "chat/http_exchange.hpp"
#include "fault_switches.hpp"
#include "settings_store.hpp"

// Listens and reads requests; a thread per connection, or one connection after the other as Werkzeug does
// with threaded=False. The faults that concern answers alone are obeyed here.
namespace corral::sim {

using chat_handler = std::function<void(const chat_request&, http_exchange&)>;

struct listener_options {
    http_look look;
    bool threaded = true;
    int backlog = 128;
};

class http_listener {
public:
    http_listener(fault_switches& faults, settings_store& settings, listener_options options)
        : faults_(faults), settings_(settings), options_(std::move(options)) {}

    // False (errno set) when the address can't be had. Port 0: the kernel chooses.
    bool bind(const std::string& address, int port);
    int port() const { return port_; }
    int connections() const { return open_; }
    int accepted() const { return accepted_; }  // since its start
    // For ever, or until close_listener. `this` and the handler must outlive every connection.
    void serve(const chat_handler& handler);
    // New connections are refused; open ones go on.
    void close_listener();

private:
    void serve_connection(int socket, const chat_handler& handler);
    bool answered_by_fault(const chat_request& request, http_exchange& exchange, int socket);

    fault_switches& faults_;
    settings_store& settings_;
    listener_options options_;
    std::atomic<int> listener_{-1};
    std::atomic<int> open_{0};
    std::atomic<int> accepted_{0};
    int port_ = 0;
};

}  // namespace corral::sim
