#pragma once
// What requests of all chat servers share: fields that the profile adds, and bodies as bytes.

#include <memory>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

#include "corral/catalog/profile.hpp"
#include "corral/chat/render.hpp"
#include "corral/core/result.hpp"
#include "engine/streaming/stream_protocol.hpp"

namespace corral::engine::streaming {

// The traits of `model` with the placeholders of model_name filled in. Fails with the model and the profile.
[[nodiscard]] core::result<catalog::runtime_traits> expanded_traits(const catalog::model_entry& model);

// Sets the switch for thinking, where the server has one, and the profile's fixed fields. errc::invalid, with
// the key: the profile names what is no JSON pointer, or a value that is no JSON. REQUIRES: `body` is an
// object.
[[nodiscard]] core::result<void> add_profile_fields(nlohmann::json& body,
                                                    const catalog::runtime_traits& traits,
                                                    const chat::rendered_prompt& prompt);

// Bytes that are no UTF-8 would be refused as a bad request; they become U+FFFD.
[[nodiscard]] std::string body_bytes(const nlohmann::json& body);

// The whole conversation as the one message of a user, for servers that drop the system prompt and all but one
// message: the system prompt and a blank line open it, the turns follow in the family's own format, which the
// runtime's own template opens and closes.
[[nodiscard]] std::string single_message(const chat::rendered_prompt& prompt);

// The sentence in an error answer of any of the usual shapes: {"error":{"message":…}}, {"error":"…"},
// {"message":"…"}, {"detail":"…"}, {"detail":[{"loc":…,"msg":"…"}]}; for a page of HTML its heading; at most 500 bytes,
// one line, whole UTF-8.
[[nodiscard]] std::string sentence_of_error(std::string_view body);

// A body in which images have stand-ins until it is bytes, and which then has the places where they belong: they are
// neither copied nor looked at by the character.
class spliced_body {
public:
    // What stands for the base64 of `image` within a JSON text, in the order of the body; no client can
    // write it.
    [[nodiscard]] std::string stand_in(const std::shared_ptr<const chat::image>& image);
    // Sets body and inserts of `to`.
    void fill(const nlohmann::json& body, stream_request& to) const;

private:
    chat::image_list images_;
};

}  // namespace corral::engine::streaming
