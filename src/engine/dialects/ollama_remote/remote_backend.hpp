#pragma once
// The `backend` of a server that others look after and that speaks Ollama's API: nothing is started here, and
// whether it serves is found out.

#include <memory>
#include <string>
#include <utility>

#include "corral/engine/backend.hpp"
#include "corral/supervisor/group.hpp"
#include "engine/dialects/ollama_remote/remote_protocol.hpp"
#include "engine/dialects/ollama_remote/remote_watch.hpp"
#include "engine/streaming/prompt_sizes.hpp"

namespace corral::engine::ollama_remote {

// The group of a backend without processes: what it does is done elsewhere.
class no_services final : public supervisor::group {
public:
    explicit no_services(std::string name) : name_(std::move(name)) {}

    const std::string& name() const noexcept override { return name_; }
    std::vector<supervisor::service_status> status() const override { return {}; }
    bool ready() const noexcept override { return true; }
    core::awaitable<core::result<void>> wait_ready(core::deadline) override {
        co_return core::result<void>{};
    }
    void restart(std::string_view, core::reason, supervisor::restart_reason) override {}
    void start() override {}
    core::awaitable<bool> stop(core::deadline) override { co_return true; }
    std::optional<supervisor::group_handover> hand_over() const override { return std::nullopt; }
    void add_observer(supervisor::group_observer*) override {}
    void remove_observer(supervisor::group_observer*) override {}
    std::deque<std::string> recent_lines(std::string_view) const override { return {}; }

private:
    std::string name_;
};

class remote_backend final : public backend {
public:
    remote_backend(const supervisor::supervisor_context& context, catalog::model_entry model,
                   remote_settings settings, unsigned capacity);
    remote_backend(const remote_backend&) = delete;
    remote_backend& operator=(const remote_backend&) = delete;
    ~remote_backend() override;

    [[nodiscard]] const catalog::model_entry& model() const noexcept override { return model_; }
    [[nodiscard]] supervisor::group& services() noexcept override { return services_; }
    [[nodiscard]] availability available() const override { return watch_->now(); }
    [[nodiscard]] core::wake_signal& availability_changed() noexcept override { return watch_->changed(); }
    [[nodiscard]] backend_facts facts() const noexcept override;
    [[nodiscard]] stated_model stated() const override { return watch_->stated(); }
    [[nodiscard]] bool renew(const catalog::model_entry& as) override;
    [[nodiscard]] core::awaitable<embedding_outcome> embed(embedding_order order) override;
    // An estimate; fits unless the configuration says how long the context is.
    [[nodiscard]] core::awaitable<core::result<prompt_measure>> measure(const chat::rendered_prompt& prompt,
                                                                        core::deadline until) override;
    [[nodiscard]] core::awaitable<run_outcome> run(run_spec spec, run_sink& sink, run_control& control,
                                                   std::function<void(const run_outcome&)> on_end) override;
    void start() override { watch_->begin(); }
    [[nodiscard]] core::awaitable<bool> stop(core::deadline until) override;

private:
    [[nodiscard]] std::uint32_t prompt_limit() const noexcept;

    supervisor::supervisor_context context_;
    catalog::model_entry model_;
    unsigned capacity_;
    remote_protocol protocol_;
    streaming::prompt_sizes sizes_;
    std::shared_ptr<remote_watch> watch_;
    no_services services_;
};

// dialect_descriptor::make of "ollama-remote".
[[nodiscard]] core::result<std::unique_ptr<backend>> make_ollama_remote(
    const supervisor::supervisor_context& context, const catalog::model_entry& model);

}  // namespace corral::engine::ollama_remote
