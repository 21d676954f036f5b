#include <cerrno>

#include <sys/socket.h>
#include <sys/uio.h>

#include "transport.hpp"

namespace corral::http {

namespace {

transfer of_errno(int value, transfer_kind blocked) {
    if (value == EAGAIN || value == EWOULDBLOCK || value == EINTR) {
        return {blocked, 0, {}};
    }
    return {transfer_kind::failed, 0, {value, boost::system::system_category()}};
}

class plain_transport final : public transport {
public:
    explicit plain_transport(stream_socket& over) : socket_(over) {}

    transfer open() override { return {}; }

    transfer receive(std::span<char> into) override {
        const auto got = ::recv(socket_.native_handle(), into.data(), into.size(), MSG_DONTWAIT);
        if (got < 0) {
            return of_errno(errno, transfer_kind::want_read);
        }
        if (got == 0) {
            return {transfer_kind::ended, 0, {}};
        }
        return {transfer_kind::moved, static_cast<std::size_t>(got), {}};
    }

    transfer send(const gather& parts) override {
        std::array<iovec, std::tuple_size_v<gather>> pieces{};
        std::size_t count = 0;
        for (const auto part : parts) {
            if (!part.empty()) {
                pieces.at(count++) = {const_cast<char*>(part.data()), part.size()};
            }
        }
        msghdr message{};
        message.msg_iov = pieces.data();
        message.msg_iovlen = count;
        const auto done = ::sendmsg(socket_.native_handle(), &message, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (done < 0) {
            return of_errno(errno, transfer_kind::want_write);
        }
        return {transfer_kind::moved, static_cast<std::size_t>(done), {}};
    }

    transfer say_end() override { return {}; }

private:
    stream_socket& socket_;
};

}  // namespace

std::unique_ptr<transport> make_plain_transport(stream_socket& over) {
    return std::make_unique<plain_transport>(over);
}

}  // namespace corral::http
