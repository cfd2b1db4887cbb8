"""Writes the Lightning-like checkpoint of tests/data/convert: a tiny model with random weights, names behind "model.",
one tensor stored transposed. Usage: make_lightning.py FILE"""
import sys
import torch,collections
torch.manual_seed(1)
def gru(i): return collections.OrderedDict(weight_ih=torch.randn(12,i),weight_hh=torch.randn(12,4),bias_ih=torch.randn(12),bias_hh=torch.randn(12))
d=collections.OrderedDict()
for n,i in (('lstmcell_rate',17),('lstmcell_time',1),('lstmcell_rate_link',4),('lstmcell_time_link',1)):
    for k,v in gru(i).items(): d[f'model.{n}.seq_cell.{k}']=v
d['model.output_layer.0.weight']=torch.randn(18,4).t(); d['model.output_layer.0.bias']=torch.randn(4); d['model.output_layer.3.weight']=torch.randn(1,4); d['model.output_layer.3.bias']=torch.randn(1)
p='model.gcn_layers.0.homogeneous_layer.'
for k,s in (('conv.lin.weight',(4,4)),('conv.lin.bias',(4,)),('conv.lin_l.weight',(4,4)),('conv.lin_l.bias',(4,)),('conv.lin_r.weight',(4,4)),('norm.weight',(4,)),('norm.bias',(4,))): d[p+k]=torch.randn(s)
d['model.output_layer.3.bias'][0]=0.625
d['model.output_layer.0.weight'][2,3]=1.5
torch.save({'epoch':3,'global_step':7,'pytorch-lightning_version':'2.0','state_dict':d,'hyper_parameters':{'lr':1e-4,'betas':(0.9,0.999)}},sys.argv[1])
