#include "configuration_fallbacks.hpp"

#include <chrono>
#include <utility>

#include "configuration_cards.hpp"
#include "configuration_model.hpp"

namespace corral::config {

namespace {

constexpr std::size_t most_fallbacks = 8;

// What a fallback leaves open is as the model has it, but for what belongs to its processes.
catalog::model_entry begun_like(const catalog::model_entry& model) {
    catalog::model_entry out;
    out.name = model.name;
    out.aliases = model.aliases;
    out.pinned = model.pinned;
    out.keep_alive = model.keep_alive;
    out.preflight = model.preflight;
    out.failback_after = model.failback_after;
    out.family = model.family;
    out.default_system = model.default_system;
    out.capabilities = model.capabilities;
    out.sampling = model.sampling;
    out.parameter_size = model.parameter_size;
    out.digest = model.digest;
    out.modified = model.modified;
    return out;
}

catalog::model_entry read_fallback(catalog::section& from, const catalog::model_entry& of, unsigned tier,
                                   configuration_reading& with) {
    catalog::model_entry out = begun_like(of);
    out.tier = tier;
    const bool have_profile = read_processes(from, out, with);
    read_words(from, out);
    read_places(from, out);
    std::string standby = "hot";
    from.choice("standby", standby, {"hot", "cold"});
    out.preload = standby != "cold";
    if (have_profile) {
        check_processes(from, out);
    }
    from.finish();
    return out;
}

}  // namespace

void read_fallbacks(catalog::section& from, catalog::model_entry& to, configuration_reading& with) {
    from.duration("failback_after", to.failback_after, core::milliseconds{0}, std::chrono::hours{24});
    auto sections = from.tables("fallbacks");
    if (from.has("failback_after") && sections.empty()) {
        from.complain(from.place("failback_after"),
                      "'failback_after' means nothing without [[models.fallbacks]]");
    }
    if (sections.size() > most_fallbacks) {
        from.complain(from.place("fallbacks"),
                      "a model has at most " + std::to_string(most_fallbacks) + " fallbacks");
        return;
    }
    for (auto& one : sections) {
        const auto tier = static_cast<unsigned>(to.fallbacks.size() + 1);
        to.fallbacks.push_back(read_fallback(one, to, tier, with));
    }
}

}  // namespace corral::config
