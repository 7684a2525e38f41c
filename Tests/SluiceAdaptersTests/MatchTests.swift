import SluiceCore
import SluiceTestSupport
import Testing

@testable import SluiceAdapters

@Suite("Adapters and their bases") struct MatchTests {
  private func failure(
    _ tiny: TinyAdapter, _ use: AdapterUse = AdapterUse()
  ) throws -> Failure? {
    do {
      _ = try tiny.match(in: ScratchDirectory(), use)
      return nil
    } catch { return (error as? any SluiceError)?.failure }
  }

  @Test("What fits is matched")
  func fits() throws {
    let match = try TinyAdapter.linear().match(in: ScratchDirectory())
    #expect(match.tensorNames == ["h.0.q.weight"])
    #expect(match.terms["h.0.q.weight"]?.first?.scale == 5.0 / 7)
  }

  @Test("Nothing that does not fit passes in silence")
  func refusals() throws {
    var cases: [(String, TinyAdapter)] = []
    func add(_ word: String, _ change: (inout TinyAdapter) -> Void) {
      var tiny = TinyAdapter.linear()
      change(&tiny)
      cases.append((word, tiny))
    }
    add("lora_B") { $0.tensors.removeLast() }
    add("lora_A") { $0.tensors.removeFirst() }
    add("no weights") { $0.tensors = [] }
    add("no such tensor") { $0.base[0].name = "h.0.k.weight" }
    add("no tensor of the base") { $0.add("h.0.k.weight", [3]) }
    add("rank is 7, the config says 8") { $0.config[1] = #""r": 8"# }
    add("the base's tensor is [33, 66]") { tiny in
      tiny.base = []
      tiny.addBase("h.0.q.weight", [33, 66])
    }
    add("convolution") { tiny in
      tiny.base = []
      tiny.addBase("h.0.q.weight", [33, 65, 3, 3])
    }
    add("ranks disagree") { tiny in
      tiny.tensors.removeLast()
      tiny.add("h.0.q.lora_B.weight", [33, 6])
    }
    add("no matrices") { tiny in
      tiny.tensors.removeFirst()
      tiny.add("h.0.q.lora_A.weight", [455])
    }
    add("the base's module has none") { $0.add("h.0.q.lora_B.bias", [33]) }
    add("use_dora is set") { $0.config.append(#""use_dora": true"#) }
    add("use_dora is not set") { $0.add("h.0.q.lora_magnitude_vector", [33]) }
    add("no part of a LoRA adapter") { $0.add("h.0.q.lora_diag", [7]) }
    add("two tensors") { $0.add("h.0.q.lora_A.default.weight", [7, 65]) }
    add("wrappers of parameters") { tiny in
      tiny.add("h.0.k.base_layer.lora_A.weight", [7, 65])
      tiny.add("h.0.k.base_layer.lora_B.weight", [33, 7])
    }
    add("other rows") { tiny in
      tiny.config.append(#""trainable_token_indices": [3]"#)
      tiny.add("h.0.q.token_adapter.trainable_tokens_delta", [2, 65])
    }
    add("row 33 of an embedding") { tiny in
      tiny.config.append(#""trainable_token_indices": [33]"#)
      tiny.add("h.0.q.token_adapter.trainable_tokens_delta", [1, 65])
    }
    for (word, tiny) in cases {
      let failure = try failure(tiny)
      #expect(failure?.exitCode == .badInput)
      #expect(failure?.message.contains(word) == true, "\(word): \(failure?.message ?? "nothing")")
    }
  }

  @Test("Which way experts are packed, and lie, is never guessed")
  func experts() throws {
    var tiny = TinyAdapter()
    tiny.config += [#""r": 2"#, #""target_parameters": ["experts.down_proj"]"#]
    tiny.add("h.0.experts.lora_A.weight", [6, 10])
    tiny.add("h.0.experts.lora_B.weight", [8, 6])
    tiny.addBase("h.0.experts.down_proj", [3, 8, 10])
    #expect(try failure(tiny)?.remedy?.contains("--lora-experts") == true)
    #expect(try failure(tiny, AdapterUse(packing: .unsloth)) == nil)
    var square = TinyAdapter()
    square.config = tiny.config
    square.add("h.0.experts.lora_A.weight", [6, 8])
    square.add("h.0.experts.lora_B.weight", [8, 6])
    square.addBase("h.0.experts.down_proj", [3, 8, 8])
    #expect(try failure(square, AdapterUse(packing: .peft))?.message.contains("square") == true)
  }

  @Test("An adapter under another name than the usual is shown the way to")
  func subfolder() throws {
    let scratch = try ScratchDirectory()
    try scratch.write("{}", to: "outer/math/adapter_config.json")
    let error = #expect(throws: AdapterError.self) { try Adapter.open(scratch("outer")) }
    #expect(error?.failure.remedy?.hasSuffix("outer/math") == true)
  }
}
