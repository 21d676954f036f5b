#pragma once
// Calls of the tokenizer service with conversations by uid (docs/facts/vendor_ax.md#tokenizer-calls).

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include <boost/asio/ip/tcp.hpp>
#include <nlohmann/json.hpp>

#include "corral/core/async.hpp"
#include "corral/core/disk_work.hpp"
#include "corral/core/result.hpp"
#include "corral/core/time.hpp"
#include "corral/http/client.hpp"
#include "engine/dialects/ax_poll/tokenizer_reply.hpp"

namespace corral::engine::ax_poll {

// `target` must outlive the awaiting of the call. JSON of long prompts is written and read on a thread. Copies share it,
// and whom they distrust.
class tokenizer_client {
public:
    explicit tokenizer_client(boost::asio::ip::tcp::endpoint to,
                              std::shared_ptr<core::disk_work> threads = std::make_shared<core::disk_work>())
        : to_(to), threads_(std::move(threads)) {}
    // True from `gone`, as an answer comes: the service has ended, so that it may be another's. It counts as unreachable.
    void distrust_when(std::function<bool()> gone) { *gone_ = std::move(gone); }

    [[nodiscard]] core::awaitable<tokenizer_answer> get(std::string_view target, tokenizer_field wanted,
                                                        core::deadline until) const;
    [[nodiscard]] core::awaitable<tokenizer_answer> post(std::string_view target, nlohmann::json body,
                                                         tokenizer_field wanted, core::deadline until) const;
    // A body that may be sent again, with `uid` in it; all that is long is done on the thread.
    using shared_body = std::shared_ptr<const nlohmann::json>;
    [[nodiscard]] core::awaitable<tokenizer_answer> post(std::string_view target, shared_body body,
                                                         std::string uid, tokenizer_field wanted,
                                                         core::deadline until) const;

    // `work` on a body of so many bytes; it touches nothing that the loop touches, and may be begun twice.
    template <typename Made>
    [[nodiscard]] static core::awaitable<Made> beside(std::shared_ptr<core::disk_work> threads,
                                                      std::size_t bytes, std::function<Made()> work) {
        constexpr std::size_t few = 64UL * 1024;  // a tenth of a millisecond
        if (bytes > few) {
            auto working = threads->run("json", work);
            core::result<Made> made = co_await std::move(working);
            if (made) {
                co_return std::move(*made);
            }
        }
        co_return work();
    }
    [[nodiscard]] const std::shared_ptr<core::disk_work>& threads() const noexcept { return threads_; }

private:
    [[nodiscard]] core::awaitable<tokenizer_answer> perform(http::client_call what,
                                                            tokenizer_field wanted) const;

    boost::asio::ip::tcp::endpoint to_;
    std::shared_ptr<std::function<bool()>> gone_ = std::make_shared<std::function<bool()>>();
    std::shared_ptr<core::disk_work> threads_;
};

}  // namespace corral::engine::ax_poll
