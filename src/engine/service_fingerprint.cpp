#include "engine/service_fingerprint.hpp"

#include <cstdint>
#include <string_view>

namespace corral::engine {

namespace {

// FNV-1a of 64 bits over length and bytes of each word.
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
    all.add(service.command.stdio != process::stdio_kind::pipe ? 1 : 0);
    all.add(service.command.limits.memory);
    all.add(service.command.limits.descriptors);
    all.add(static_cast<std::uint64_t>(service.command.limits.nice));
    // Not where there are none, so that an older version's models go on.
    if (service.command.together.any()) {
        all.add(service.command.together.memory);
        all.add(service.command.together.tasks);
    }
    all.add(service.endpoint.address().to_string());
    all.add(service.endpoint.port());
    all.add(service.asked_port);
    all.add(static_cast<std::uint64_t>(service.rules.guard));
    all.add(service.rules.guard_library.string());
    for (const auto& file : service.files) {
        all.add(file.path.string());
        all.add(file.text);
    }
}

}  // namespace

std::string service_fingerprint(const catalog::model_entry& model,
                                const std::vector<supervisor::service_spec>& services) {
    digest all;
    all.add(model.runtime.dialect);
    all.add(services.size());
    for (const supervisor::service_spec& service : services) {
        add_service(all, service);
    }
    return all.text();
}

}  // namespace corral::engine
