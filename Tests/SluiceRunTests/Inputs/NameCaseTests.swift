import SluiceArchitecture
import SluiceCore
import SluiceFormats
import SluiceMethods
import SluicePlan
import SluiceRun
import SluiceRecipe
import SluiceTestSupport
import Testing

@Suite("Inputs: names of models")
struct NameCaseTests {
  @Test(
    "a whole model under a prefix is refused with the option that renames it, which then does",
    arguments: ["_orig_mod.", "module.", "_orig_mod.module."])
  func prefix(prefix: String) throws {
    let plain = try InputCase()
    try plain.writeFamily()
    let expected = try plain.run()
    let renamed = try InputCase()
    try renamed.writeFamily { InputCase.llama($0, prefix: $0 == 0 ? "" : prefix) }
    let refusal = try renamed.refusal()
    #expect(refusal.exitCode == .badInput && refusal.subject.model == "a")
    #expect(refusal.whole.contains("begin with \"\(prefix)\""))
    #expect(refusal.whole.contains("--rename '\(prefix)='"))
    #expect(!refusal.whole.contains("--extra-tensors"))
    let found = try renamed.run {
      InputCase.average(&$0)
      $0.method.renames = ["\(prefix)="]
    }
    #expect(found.model.tensors == expected.model.tensors)
  }

  @Test("models without a common tensor are refused, whatever extra tensors may do")
  func nothingInCommon() throws {
    let input = try InputCase()
    try input.write("base", InputCase.llama(0))
    for name in input.models { try input.write(name, InputCase.tensors([("x.weight", [4])], 1)) }
    for extra in MethodParameters.ExtraTensors.allCases {
      let refusal = try input.refusal {
        InputCase.average(&$0)
        $0.method.extraTensors = extra
      }
      #expect(refusal.message.contains("no tensor in common"))
    }
  }

  @Test("a text model goes into the language part of one of several modalities")
  func languagePart() throws {
    let input = try InputCase()
    let vision = InputCase.tensors(
      (0..<30).map { ("model.visual.blocks.\($0).proj.weight", [8, 8]) }, 0)
    func language(_ seed: UInt64) -> [TinyTensor] {
      InputCase.llama(seed).map { tensor in
        var tensor = tensor
        if tensor.name.hasPrefix("model.") {
          tensor.name = "model.language_model." + tensor.name.dropFirst("model.".count)
        }
        return tensor
      }
    }
    let config = #"{"model_type": "qwen2_vl", "text_config": {"num_attention_heads": 4}}"#
    try input.write("base", language(0) + vision, config: config)
    for (seed, name) in input.models.enumerated() {
      try input.write(name, InputCase.llama(UInt64(seed + 1)))
    }
    let refusal = try input.refusal()
    #expect(refusal.whole.contains("--rename 'model.=model.language_model.'"))
    let absent = try input.refusal {
      InputCase.average(&$0)
      $0.method.renames = ["model.=model.language_model."]
    }
    #expect(absent.whole.contains("--absent base"))
    let found = try input.run {
      InputCase.average(&$0)
      $0.method.renames = ["model.=model.language_model."]
      $0.method.absent = .base
    }
    #expect(found.messages(.missingTensor).first?.contains("29 others") == true)
    let plain = try InputCase()
    try plain.writeFamily()
    let text = try plain.run().model
    #expect(
      found.model["model.language_model.layers.0.mlp.up_proj.weight"]?.bytes
        == text["model.layers.0.mlp.up_proj.weight"]?.bytes)
    #expect(found.model["model.visual.blocks.3.proj.weight"]?.bytes == vision[3].bytes)
  }

  @Test("a model that has nothing of a block is refused, unless that is what it is")
  func absentBlock() throws {
    let input = try InputCase()
    try input.write("base", InputCase.llama(0))
    try input.write("a", InputCase.llama(1).filter { !$0.name.hasPrefix("model.layers.1.") })
    try input.write("b", InputCase.llama(2))
    let refusal = try input.refusal()
    #expect(refusal.exitCode == .badInput && refusal.subject.model == "a")
    #expect(refusal.message.contains("the block model.layers.1, in which the base has 8 tensors"))
    #expect(refusal.remedy?.contains("--absent base") == true)
    let found = try input.run {
      InputCase.average(&$0)
      $0.method.absent = .base
    }
    #expect(found.messages(.missingTensor).count == 8)
  }

  @Test("missing tensors are refused where that is asked for")
  func absentIsError() throws {
    let input = try InputCase()
    try input.write("base", InputCase.llama(0))
    try input.write("a", InputCase.llama(1).filter { $0.name != "model.norm.weight" })
    try input.write("b", InputCase.llama(2))
    #expect(try input.run().messages(.missingTensor).count == 1)
    let other = try InputCase()
    try other.write("base", InputCase.llama(0))
    try other.write("a", InputCase.llama(1).filter { $0.name != "model.norm.weight" })
    try other.write("b", InputCase.llama(2))
    let refusal = try other.refusal {
      InputCase.average(&$0)
      $0.method.absent = .error
    }
    #expect(refusal.subject.tensor == "model.norm.weight" && refusal.subject.model == "a")
  }

  @Test("a renaming that says nothing is a usage error", arguments: ["", "a", "a=a", "a=b=c"])
  func badRenaming(text: String) throws {
    let input = try InputCase()
    try input.writeFamily()
    #expect(try input.refusal { $0.method.renames = [text] }.exitCode == .usage)
  }

  @Test("two tensors that get one name by renaming are refused")
  func collision() throws {
    let input = try InputCase()
    try input.writeFamily { seed in
      InputCase.llama(seed)
        + (seed == 0
          ? []
          : InputCase.tensors([("x.norm.weight", [16])], 0)
            + InputCase.tensors([("y.norm.weight", [16])], 0))
    }
    let refusal = try input.refusal {
      InputCase.average(&$0)
      $0.method.extraTensors = .ignore
      $0.method.renames = ["x.=z.", "y.=z."]
    }
    #expect(refusal.message.contains("two tensors have this name"))
  }
}
