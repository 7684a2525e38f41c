import SluiceArchitecture
import Testing

@Suite("Names of blocks")
struct BlockNameTests {
  @Test(
    "a block is named by the first number after the name of a group of blocks",
    arguments: [
      ("model.layers.3.mlp.up_proj.weight", "model.layers.3", 3),
      ("layers.0.w", "layers.0", 0), ("transformer.h.11.attn", "transformer.h.11", 11),
      ("x.blocks.007.w", "x.blocks.007", 7), ("bert.encoder.layer.1.w", "bert.encoder.layer.1", 1),
      ("encoder.block.2.layer.0.w", "encoder.block.2", 2), ("v.resblocks.4.w", "v.resblocks.4", 4),
      // The first number counts, also of groups inside of each other.
      ("a.layers.1.blocks.2.w", "a.layers.1", 1), ("layers.x.layers.5.w", "layers.x.layers.5", 5),
      ("layers.layers.5.w", "layers.layers.5", 5), ("layers.2..w", "layers.2", 2),
    ])
  func inBlock(name: String, block: String, number: Int) {
    #expect(BlockName.block(of: name) == block)
    #expect(BlockName.isInBlock(name))
    #expect(BlockName.number(of: name) == number)
  }

  @Test(
    "other tensors are blocks of their own",
    arguments: [
      "", ".", "lm_head.weight", "model.layers", "model.layers.3", "layers..3.w", "layers.3a.w",
      "mylayers.3.w", "layers.-3.w", "layers.٣.w", "stages.3.w", "3.layers.w", "layers.",
    ])
  func outside(name: String) {
    #expect(BlockName.block(of: name) == name)
    #expect(!BlockName.isInBlock(name))
    #expect(BlockName.number(of: name) == nil)
  }

  @Test("a number that fits no Int still names a block")
  func longNumber() {
    let digits = String(repeating: "9", count: 30)
    #expect(BlockName.block(of: "layers.\(digits).w") == "layers.\(digits)")
    #expect(BlockName.number(of: "layers.\(digits).w") == nil)
  }
}
