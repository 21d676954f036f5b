#pragma once
// response_writer over one connection.

#include "answer_format.hpp"
#include "connection.hpp"
#include "corral/http/message.hpp"

namespace corral::http {

struct exchange_facts {
    bool head_request = false;
    bool http10 = false;
    bool keep_alive = true;  // the client's wish
};

class exchange_writer final : public response_writer {
public:
    // Both references must outlive the writer. `close_after` is asked when an answer begins: true forbids
    // keep-alive.
    exchange_writer(connection& to, exchange_facts facts, date_text& date, const bool& close_after)
        : to_(to), facts_(facts), date_(date), close_after_(close_after) {}

    [[nodiscard]] core::awaitable<core::error_code> send(response whole) override;
    [[nodiscard]] core::awaitable<core::error_code> begin(response_head head) override;
    [[nodiscard]] core::awaitable<core::error_code> write(std::string piece) override;
    [[nodiscard]] core::awaitable<core::error_code> finish() override;
    [[nodiscard]] core::awaitable<core::error_code> finish_with(header_fields trailers) override;
    [[nodiscard]] bool started() const noexcept override { return stage_ != stage::fresh; }

    [[nodiscard]] bool finished() const noexcept { return stage_ == stage::finished; }
    // True when the connection can carry another exchange after this one.
    [[nodiscard]] bool reusable() const noexcept { return finished() && facts_.keep_alive && !to_.error(); }
    // Only the connection's end shows this client where the answer ends.
    [[nodiscard]] bool ends_by_close() const noexcept { return framing_ == body_framing::until_close; }

private:
    enum class stage { fresh, streaming, finished };
    [[nodiscard]] std::string open(const response_head& head, body_framing framing, std::size_t length);

    connection& to_;
    exchange_facts facts_;
    date_text& date_;
    const bool& close_after_;
    stage stage_ = stage::fresh;
    body_framing framing_ = body_framing::length;
};

}  // namespace corral::http
