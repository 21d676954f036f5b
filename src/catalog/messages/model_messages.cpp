#include "corral/catalog/message.hpp"

#include <array>

namespace corral::catalog {

namespace {

constexpr auto model_reader = message_reader::operators;

constexpr std::array model_table{
    message{"model.unloaded", model_reader, "The model is not loaded: it …",
            "It was unloaded and is loaded by the next request, after what is named.",
            "Nothing, or corral start MODEL."},
    message{"model.waits-for-turn", model_reader, "waits for …, which … holds until its turn is over",
            "Another model is served; turns are bounded by [swap].",
            "pinned, a second card, or a smaller model."},
    message{"model.waits-for-answer", model_reader,
            "waits for …, which … holds until its running answer ends",
            "The other model is unloaded when its answer is out.", "Nothing."},
    message{"model.waits-for-leaving", model_reader, "waits for …, which … is leaving",
            "The other model is being unloaded.", "Nothing."},
    message{"model.waits-in-line", model_reader, "waits for …, which … is to have first",
            "A third model asked before.", "Nothing."},
    message{"model.waits-for-load", model_reader, "waits until … is loaded on …",
            "Loads of one card go one after another.", "Nothing."},
    message{"model.no-room", model_reader,
            "can't be loaded: …. Give it another card ('cards'), or make room there",
            "The card is smaller than the model needs.", "cards in the manifest, or a smaller model."},
    message{"model.pin-in-the-way", model_reader, "can't be loaded: …. Take that pin away",
            "A pinned model holds the room for good.", "pinned = false there, then corral reload."},
    message{"model.too-many", model_reader, "can't be loaded: at most … may be loaded at once, and … stays",
            "max_loaded_models is reached by pinned models.", "Raise it, or unpin one."},
    message{"model.makes-room", model_reader, "makes room for …",
            "It is unloaded for another model; its next request loads it again.", ""},
    message{"model.not-preloaded", model_reader,
            "does not fit beside what is loaded; it is loaded when it is …", "A start loads what fits.",
            "Nothing, or order the models by pinned and preload."},
    message{"model.tier-failed", model_reader, "… failed and is started again…",
            "Requests go to the next tier that is ready (docs/failover.md).",
            "corral status shows each tier."},
    message{"model.tier-back", model_reader, "has been ready for … s without a break",
            "Requests go back to the better tier.", ""},
    message{"model.left-out", model_reader, "has a mistake and is left out; 'corral status' says which",
            "One manifest is wrong; all others are served.",
            "Mend the file at the place named, then corral reload."},
    message{"model.cpu", model_reader, "this answer was computed on the CPU",
            "The accelerator's counter stood at zero while tokens came.", "docs/device.md"},
};

}  // namespace

std::span<const message> model_messages() {
    return model_table;
}

}  // namespace corral::catalog
