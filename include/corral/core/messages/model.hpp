#pragma once

#include <array>

#include "corral/core/message.hpp"

namespace corral::core::messages {

inline constexpr auto model_reader = message_reader::operators;

inline constexpr std::array model_table{
    message{"model.unloaded", model_reader, "The model is not loaded: it {waits}.",
            "It was unloaded and is loaded by the next request, after what is named.",
            "Nothing, or corral start MODEL."},
    message{"model.waits-for-turn", model_reader,
            "waits for {place}, which {model} holds until its turn is over",
            "Another model is served and has the room on the card, or the port; turns are bounded by [swap].",
            "Wait; or pin the model, add a second card, or serve a smaller model."},
    message{"model.waits-for-answer", model_reader,
            "waits for {place}, which {model} holds until its running answer ends\n"
            "several| waits for {place}, which {model} holds until its {count:d} running answers end",
            "Another model has the room on the card, or the port; it is unloaded when its answer is out.",
            "Nothing."},
    message{"model.waits-for-leaving", model_reader,
            "waits for {place}, which {model} is leaving\n"
            "place| waits for {place}, which is being left\n"
            "reload| waits until what a reload replaced or removed has stopped",
            "The model that has the room on the card, or the port, is being unloaded.", "Nothing."},
    message{"model.waits-in-line", model_reader, "waits for {place}, which {model} gets first",
            "A third model asked before for the room on the card, or the port.", "Nothing."},
    message{"model.waits-for-load", model_reader, "waits until {model} is loaded on {cards}",
            "Loads on one card run one at a time.", "Nothing."},
    message{"model.no-room", model_reader,
            "=no-room| {model} can't be loaded: {why}. Give it another card ('cards'), or make room there",
            "The card is smaller than the model needs.",
            "Name another card by cards in the manifest, or serve a smaller model."},
    message{"model.pin-in-the-way", model_reader,
            "=no-room| {model} can't be loaded: {why}. Unpin that model",
            "A pinned model holds the room for good.",
            "Write pinned = false in the manifest of the pinned model, then run 'corral reload'."},
    message{"model.too-many", model_reader,
            "=no-room| {model} can't be loaded: at most {count:d} may be loaded at once, and {others} stays",
            "max_loaded_models is reached by pinned models.", "Raise it, or unpin one."},
    message{"model.makes-room", model_reader, "model {model}: makes room for {other}",
            "It is unloaded for another model; its next request loads it again.", "Nothing."},
    message{
        "model.not-preloaded", model_reader,
        "asked-for| model {model}: does not fit beside what is loaded; it is loaded when it is asked for\n"
        "needed| model {model}: does not fit beside what is loaded; it is loaded when it is needed",
        "A start loads what fits.", "Nothing, or order the models by pinned and preload."},
    message{"model.tier-failed", model_reader,
            "cant-serve| {tier} can't serve{>: }\n"
            "again| {tier} failed and is being restarted{>: }\n"
            "no-room| there is no room for it",
            "Requests go to the next tier that is ready (docs/many_models.md).",
            "Nothing; 'corral status' shows each tier."},
    message{"model.tier-back", model_reader, "{tier} has been ready for {seconds:d} s without a break",
            "Requests go back to the better tier.", "Nothing."},
    message{"model.left-out", model_reader,
            "manifest| the manifest {file} has a mistake and is left out; 'corral status' says which\n"
            "model| a model of {file} has a mistake and is left out; 'corral status' says which\n"
            "reload| reload: left out: {what}",
            "One manifest is wrong; all others are served.",
            "Fix the file at the place named, then corral reload."},
    message{
        "model.reuse-off", model_reader,
        "off| It is switched off ('reuse').\n"
        "no-way| It is switched off ('reuse'), but no request can tell this server so: start it without its "
        "cache.\n"
        "not-compared| It has not been compared on this box yet; that is done while the box is idle.\n"
        "changed| This box compared before, but {what} changed since; it compares again while the box is "
        "idle.\n"
        "no-end| The comparison on this box did not finish; it is repeated after the next start.\n"
        "not-told| The token ids of a prompt can't be told from those of the tokenizer's own template.",
        "Every prompt is computed anew, from its first token.",
        "Nothing where Corral has yet to compare; else take reuse = \"off\" out of the manifest."},
};

}  // namespace corral::core::messages
