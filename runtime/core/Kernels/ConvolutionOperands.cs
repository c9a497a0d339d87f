namespace Specializer.Kernels;

/// <summary>What every way of computing a convolution starts from.</summary>
internal unsafe struct ConvolutionOperands
{
    public ConvolutionGeometry Geometry;
    /// <summary>Images.</summary>
    public int Batch;
    /// <summary>Input map, bytes from image to image and from pixel to pixel.</summary>
    public byte* Input;
    public long InputStride;
    public int InputPixelBytes;
    /// <summary>One pixel that stands for zero.</summary>
    public byte* Padding;
    /// <summary>Packed panels.</summary>
    public byte* Panels;
    public ConvolutionFinish Finish;
}
