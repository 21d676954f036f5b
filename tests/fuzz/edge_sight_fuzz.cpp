// What HAProxy's runtime socket tells, in three answers: the commands that follow are single lines and bounded in number.

#include "corral/boxes/edge_sync.hpp"
#include "fuzz_input.hpp"

namespace {

using namespace corral;

boxes::wanted_box box(const std::string& name, const std::string& ip, std::vector<std::string> models) {
    boxes::wanted_box out;
    out.entry.name = name;
    out.entry.address.host = ip;
    out.entry.address.port = 11434;
    out.entry.agent_port = 9110;
    out.ip = ip;
    out.models = std::move(models);
    return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    const std::size_t first = std::min(text.find('\0'), text.size());
    const std::size_t second = std::min(text.find('\0', std::min(first + 1, text.size())), text.size());
    boxes::edge_sight seen;
    seen.slots = boxes::slots_in(text.substr(0, first));
    seen.servers = boxes::servers_in(text.substr(first, second - first));
    const auto names = boxes::patterns_in(text.substr(second));
    tests::demand(seen.slots.size() <= boxes::most_slots, "slots are bounded");
    for (boxes::seen_slot& slot : seen.slots) {
        slot.models = names.value_or(std::vector<std::string>());
    }
    const std::vector<boxes::wanted_box> wanted{box("one", "10.0.0.1", {"a:1", "b:1"}),
                                                box("two", "10.0.0.2", {"b:1"})};
    const boxes::sync_plan plan = boxes::plan_sync(wanted, {}, seen, {});
    tests::demand(plan.commands.size() <= boxes::sync_rules().most_commands, "a round is bounded");
    for (const boxes::sync_command& one : plan.commands) {
        tests::demand(one.text.find('\n') == std::string::npos && one.text.find(';') == std::string::npos,
                      "a command is one line, and one command");
    }
    (void)boxes::is_done(text);
    return 0;
}
