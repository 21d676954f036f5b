#pragma once

#include <functional>
#include <optional>
#include <string>

#include "fault_switches.hpp"

// The look of Python's single-threaded http.server as the tokenizer scripts use it
// (docs/facts/vendor_ax.md#tokenizer-calls).
namespace corral::sim {

struct python_request {
    std::string method;
    std::string path;
    std::string body;
};

// nullopt: an exception before the status line; the connection closes without an answer.
using python_body = std::function<std::string()>;  // computed after the head has been sent
using python_handler = std::function<std::optional<python_body>(const python_request&)>;

class python_http_server {
public:
    python_http_server(fault_switches& faults, python_handler handler)
        : faults_(faults), handler_(std::move(handler)) {}

    // False (errno set) when the port is taken. Port 0: the kernel chooses.
    bool bind(const std::string& address, int port);
    int port() const { return port_; }
    // One connection after the other, for ever.
    [[noreturn]] void serve();

private:
    void serve_connection(int socket);
    bool answered_by_fault(int socket, const python_request& request);
    void send_answer(int socket, const python_request& request, const python_body& body);

    fault_switches& faults_;
    python_handler handler_;
    int listener_ = -1;
    int port_ = 0;
};

}  // namespace corral::sim
