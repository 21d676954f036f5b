#pragma once

#include <httplib.h>

#include <chrono>
#include <string>

namespace corral::sim {

// What the faults want done to the bytes of the answer that the current thread is about to send.
enum class reply_damage { none, drop, truncate, not_http };

struct reply_plan {
    reply_damage damage = reply_damage::none;
    bool routed = false;  // a request that never got so far is answered without the default headers
};
reply_plan& plan_of_this_thread();

// One request's view of a connection: a private read buffer that dies with it (so pipelined bytes are lost,
// as in the original), five seconds to read and to write, and the damage.
class connection_stream : public httplib::Stream {
public:
    explicit connection_stream(int socket) : socket_(socket) {}

    bool is_readable() const override;
#ifdef CPPHTTPLIB_VERSION_NUM  // newer ones ask whether bytes are at hand, and wait by other names
    bool wait_readable() const override;
    bool wait_writable() const override;
    time_t duration() const override;
#else
    bool is_writable() const override;
#endif
    ssize_t read(char* to, size_t size) override;
    ssize_t write(const char* from, size_t size) override;
    void get_remote_ip_and_port(std::string& ip, int& port) const override;
    void get_local_ip_and_port(std::string& ip, int& port) const override;
    int socket() const override {
        return socket_;
    }

    bool damaged() const {
        return damaged_;
    }

    // True when bytes (or the end) arrive within `wait`.
    static bool wait_readable(int socket, std::chrono::milliseconds wait);

private:
    // Within the five seconds.
    bool comes() const;
    bool goes() const;
    ssize_t send_all(const char* from, size_t size);
    void watch_for_head_end(const char* bytes, std::size_t size);

    int socket_;
    char buffer_[4096]{};
    std::size_t begin_ = 0;
    std::size_t end_ = 0;
    std::size_t head_end_seen_ = 0;  // bytes of "\r\n\r\n" matched so far
    int writes_ = 0;
    bool damaged_ = false;
};

}  // namespace corral::sim
