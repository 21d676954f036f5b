#pragma once
// Asks a remote server now and then whether it serves a model (GET /api/version, /api/tags and /api/ps, POST /api/show), and keeps
// what is known of its health. Shared by its task and the backend, which may go first.

#include <memory>
#include <string>

#include "corral/chat/failure.hpp"
#include "corral/core/async.hpp"
#include "corral/core/disk_work.hpp"
#include "corral/core/time.hpp"
#include "corral/core/wake_signal.hpp"
#include "corral/http/reply_stream.hpp"
#include "engine/dialects/ollama_remote/remote_address.hpp"
#include "engine/dialects/ollama_remote/remote_health.hpp"

namespace corral::engine::ollama_remote {

struct remote_settings {
    std::string label;  // of the backend, for the log
    remote_address at;
    std::string model;     // its name there
    std::string key_file;  // empty: none; read at each use
    core::milliseconds call{10'000};
    bool has_others = false;  // other tiers can serve the model too
};

class remote_watch {
public:
    // `searches`: for look-ups of its name.
    remote_watch(core::executor on, const core::clock_source& clock, core::disk_work* disk,
                 std::shared_ptr<core::disk_work> searches, remote_settings settings);

    // Ends when close() was said, or with its task.
    [[nodiscard]] static core::awaitable<void> keep_asking(std::shared_ptr<remote_watch> self);
    void begin();
    void end();
    void close();

    // A request fared so; `why` is a sentence without its end.
    void served();
    void failed(core::reason why, std::string_view request = {});
    // It found no server there: the failure for its client.
    [[nodiscard]] chat::failure missed(const core::reason& why);
    void set_others(bool present) { health_.set_ejects(present); }

    [[nodiscard]] availability now() const { return health_.now(clock_.now()); }
    [[nodiscard]] const stated_model& stated() const noexcept { return stated_; }
    [[nodiscard]] core::wake_signal& changed() noexcept { return changed_; }
    [[nodiscard]] const remote_settings& settings() const noexcept { return settings_; }
    // An address of it that accepts, as of reach().
    [[nodiscard]] core::awaitable<core::result<boost::asio::ip::tcp::endpoint>> reach(core::deadline until);
    // What shows the key of the file, if there is one. Fails with a sentence that holds nothing of it.
    [[nodiscard]] core::awaitable<core::result<http::header_fields>> key_headers(core::deadline until);

private:
    [[nodiscard]] core::awaitable<core::reason> look();
    // GET, or POST of a body.
    [[nodiscard]] core::awaitable<core::result<std::string>> ask(boost::asio::ip::tcp::endpoint at,
                                                                 std::string target, std::string body,
                                                                 core::deadline until);
    void tell();

    const core::clock_source& clock_;
    core::disk_work* disk_;
    std::shared_ptr<core::disk_work> searches_;
    remote_settings settings_;
    remote_health health_;
    stated_model stated_;
    bool shown_ = false;  // the present one said its system prompt, or that it has none
    core::wake_signal changed_;
    core::wake_signal bell_;
    availability_state logged_ = availability_state::stopped;
    bool wanted_ = false;
    bool over_ = false;
};

}  // namespace corral::engine::ollama_remote
