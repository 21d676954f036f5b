// What of a ready backend outlives one image of this program.

#include <charconv>
#include <string_view>
#include <utility>

#include <boost/system/system_error.hpp>

#include "corral/catalog/placeholders.hpp"
#include "corral/catalog/placement.hpp"
#include "engine/dialects/ax_poll/ax_poll_backend.hpp"

namespace corral::engine::ax_poll {

namespace {

using words = std::map<std::string, std::string>;

// FNV-1a of 64 bits over length and bytes of each word; told apart from chance, not from malice.
class digest {
public:
    void add(std::string_view word) {
        for (std::uint64_t rest = word.size(), i = 0; i < 8; ++i, rest >>= 8U) {
            step(static_cast<unsigned char>(rest));
        }
        for (const char letter : word) {
            step(static_cast<unsigned char>(letter));
        }
    }
    void add(std::uint64_t number) { add(std::to_string(number)); }
    [[nodiscard]] std::string text() const { return std::to_string(value_); }

private:
    void step(unsigned char byte) { value_ = (value_ ^ byte) * 1099511628211ULL; }
    std::uint64_t value_ = 14695981039346656037ULL;
};

void add_service(digest& all, const supervisor::service_spec& service) {
    all.add(service.name);
    all.add(service.command.command.size());
    for (const std::string& word : service.command.command) {
        all.add(word);
    }
    all.add(service.command.environment.size());
    for (const auto& [name, value] : service.command.environment) {
        all.add(name);
        all.add(value);
    }
    all.add(service.command.working_directory);
    all.add(service.command.stdio == process::stdio_kind::pty ? 1 : 0);
    all.add(service.command.limits.memory);
    all.add(service.command.limits.descriptors);
    all.add(static_cast<std::uint64_t>(service.command.limits.nice));
    all.add(service.endpoint.address().to_string());
    all.add(service.endpoint.port());
    all.add(service.asked_port);
    all.add(static_cast<std::uint64_t>(service.rules.guard));
    all.add(service.rules.guard_library.string());
}

std::string word_of(const words& in, const char* name) {
    const auto found = in.find(name);
    return found == in.end() ? std::string() : found->second;
}

bool flag_of(const words& in, const char* name) {
    return word_of(in, name) == "1";
}

std::uint32_t number_of(const words& in, const char* name) {
    const std::string text = word_of(in, name);
    std::uint32_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    return error == std::errc{} && end == text.data() + text.size() ? value : 0;
}

const char* flag_text(bool value) {
    return value ? "1" : "0";
}

}  // namespace

std::string fingerprint_of(const catalog::model_entry& model) {
    const auto services = services_in_principle(model);
    if (!services) {
        return {};
    }
    digest all;
    all.add(model.runtime.dialect);
    all.add(services->size());
    for (const supervisor::service_spec& service : *services) {
        add_service(all, service);
    }
    return all.text();
}

std::optional<backend_handover> ax_poll_backend::hand_over() const {
    const bool tap_busy = places_.tap != nullptr && places_.tap->view().calls_open > 0;
    if (cycle_.busy() || tap_busy) {
        return std::nullopt;
    }
    auto services = group_->hand_over();
    if (!services) {
        return std::nullopt;
    }
    backend_handover out;
    out.model = model_.name;
    out.fingerprint = fingerprint_of(model_);
    out.services = std::move(*services);
    out.ports = places_.ports;
    out.state["positions"] = std::to_string(sizes().positions);
    out.state["prompt_limit"] = std::to_string(sizes().prompt_limit);
    out.state["chunk"] = std::to_string(sizes().chunk);
    out.state["device_mb"] = std::to_string(measured_mb());
    out.state["tap_passed_by"] = flag_text(tap_passed_by_);
    if (places_.tap != nullptr) {
        const tokenizer_tap::memory known = places_.tap->remember();
        out.tap = known.listener;
        out.state["tap_in_use"] = flag_text(known.in_use);
        out.state["prompt_uid"] = known.prompt_uid;
        out.state["decode_uid"] = known.decode_uid;
        out.state["prompt_uid_is_new"] = flag_text(known.prompt_uid_is_new);
        out.state["decode_uid_is_shared"] = flag_text(known.decode_uid_is_shared);
    }
    return out;
}

void ax_poll_backend::take_over(const backend_handover& from) {
    catalog::context_sizes learned;
    learned.positions = number_of(from.state, "positions");
    learned.prompt_limit = number_of(from.state, "prompt_limit");
    learned.chunk = number_of(from.state, "chunk");
    log_.resume(learned);
    measured_before_ = number_of(from.state, "device_mb");
    tap_passed_by_ = flag_of(from.state, "tap_passed_by");
    if (places_.tap != nullptr) {
        tokenizer_tap::memory known;
        known.in_use = flag_of(from.state, "tap_in_use");
        known.prompt_uid = word_of(from.state, "prompt_uid");
        known.decode_uid = word_of(from.state, "decode_uid");
        known.prompt_uid_is_new = flag_of(from.state, "prompt_uid_is_new");
        known.decode_uid_is_shared = flag_of(from.state, "decode_uid_is_shared");
        places_.tap->recall(known);
    }
}

core::result<std::unique_ptr<backend>> adopt_ax_poll(const supervisor::supervisor_context& context,
                                                     const catalog::model_entry& model,
                                                     const backend_handover& from) {
    auto places = find_places(context, model, &from);
    if (!places) {
        return places.error();
    }
    try {
        std::unique_ptr<backend> made =
            std::make_unique<ax_poll_backend>(context, model, std::move(*places), &from);
        return made;
    } catch (const boost::system::system_error& error) {
        return core::failure{error.code(), "Model " + catalog::label_of(model) + ": " + error.what()};
    }
}

}  // namespace corral::engine::ax_poll
